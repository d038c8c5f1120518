import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client } from 'pg';

/** A line that a holder says. */
export interface HolderEvent {
  event: 'ready' | 'notice' | 'failed' | 'stopped' | 'interrupted';
  ownerUrl?: string;
  runtimeUrl?: string;
  name?: string;
  text?: string;
}

/** A process of its own that holds an embedded database (see `test/faults/database-holder.ts`). */
export interface DatabaseHolder {
  process: ChildProcess;
  events: HolderEvent[];
  /** The next event of that kind, or one that came already; rejects when the process ends first. */
  wait(event: HolderEvent['event']): Promise<HolderEvent>;
  /** Settles with what ended it: an exit code, or a signal. */
  ended: Promise<number | NodeJS.Signals | null>;
  tell(command: 'stop' | 'fault'): void;
}

/** How a holder is started. */
export interface HolderOptions {
  folder: string;
  entry?: 'startEmbeddedDatabase' | 'connectOrStartEmbeddedDatabase';
  purpose?: 'issuer' | 'command';
  waitMs?: number;
  /** Where the product is; default this checkout. */
  checkout?: string;
  /** A command that runs the holder in other circumstances. */
  prefix?: string[];
  env?: NodeJS.ProcessEnv;
}

const root = join(import.meta.dirname, '..', '..');

/** Starts a holder, in a process group of its own, as a terminal would. */
export function startHolder({ prefix = [], env, ...options }: HolderOptions): DatabaseHolder {
  const checkout = options.checkout ?? root;
  const call = JSON.stringify({ entry: 'startEmbeddedDatabase', purpose: 'issuer', ...options, checkout });
  const command = [...prefix, process.execPath, join(checkout, 'test/faults/database-holder.ts'), call];
  const child = spawn(command[0] as string, command.slice(1), {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, ...env },
  });
  const events: HolderEvent[] = [];
  let errors = '';
  let onEvent = () => {};
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  createInterface(child.stdout).on('line', (line) => {
    events.push(JSON.parse(line));
    onEvent();
  });
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => child.on('close', (code, signal) => resolve(signal ?? code)));
  const wait = (event: HolderEvent['event']) =>
    new Promise<HolderEvent>((resolve, reject) => {
      const previous = onEvent;
      const look = () => {
        previous();
        const found = events.find((candidate) => candidate.event === event);
        if (found) resolve(found);
      };
      onEvent = look;
      look();
      void ended.then(() => reject(new Error(`the holder ended without "${event}": ${JSON.stringify(events)} ${errors}`)));
    });
  return { process: child, events, wait, ended, tell: (line) => void child.stdin.write(`${line}\n`) };
}

/** Runs one query; returns its rows. */
export async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
