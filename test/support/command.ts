/** The command line, called in this process or started in one of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { runCommandLine } from '../../src/cli/command-line.ts';
import type { Io } from '../../src/cli/io.ts';
import type { TestDatabase } from './database.ts';

/** What a command did. */
export interface CommandResult {
  code: number | NodeJS.Signals | null;
  out: string;
  err: string;
}

/** Settings, and nothing that this process inherited. */
export type Settings = Readonly<Record<string, string>>;

/** Hashing at the lowest cost that settings allow. */
const cheapPasswords = { TOOLGRANT_ARGON2_MEMORY_KIB: '7168', TOOLGRANT_ARGON2_PASSES: '1' };

/** A secret for settings; not the one of the documentation. */
export const testSecret = createHash('sha256').update('a test').digest('base64url');

/** The settings of an installation on a database of one's own. */
export function settingsFor(database: Pick<TestDatabase, 'runtimeUrl'>): Settings {
  return {
    ...cheapPasswords,
    DATABASE_URL: database.runtimeUrl,
    TOOLGRANT_SECRET: testSecret,
    TOOLGRANT_DATABASE_POOL_SIZE: '3',
    TOOLGRANT_DATABASE_WAIT: '0s',
    TOOLGRANT_ISSUER: 'http://localhost:4000',
  };
}

/** The settings of an installation with the embedded database. */
export function settingsForFolder(folder: string, ports: { issuer: number; demo: number }): Settings {
  return {
    ...cheapPasswords,
    TOOLGRANT_DATA_DIR: folder,
    TOOLGRANT_PORT: String(ports.issuer),
    TOOLGRANT_DEMO_PORT: String(ports.demo),
  };
}

/** Runs a command in this process. `typed`: what comes on standard input, from a pipe. */
export async function runCommand(
  args: readonly string[],
  options: { env: Settings; typed?: string; io?: Partial<Io> },
): Promise<CommandResult> {
  let [out, err] = ['', ''];
  const io: Io = {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    stdin: Readable.from(options.typed === undefined ? [] : [Buffer.from(options.typed)]),
    isTerminal: false,
    isErrTerminal: false,
    env: options.env,
    ...options.io,
  };
  const code = await runCommandLine(args, io);
  return { code, out, err };
}

const root = join(import.meta.dirname, '..', '..');

/** A command in a process of its own, as a shell would start it. */
export interface StartedCommand {
  process: ChildProcess;
  out(): string;
  err(): string;
  /** Settles when standard output or error holds `text`; rejects when the command ends without it. */
  says(text: string): Promise<void>;
  ended: Promise<CommandResult>;
}

/** Starts a command. It inherits nothing but where programs are. */
export function startCommand(args: readonly string[], options: { env: Settings; cwd: string }): StartedCommand {
  return startProgram([process.execPath, join(root, 'src/main.ts'), ...args], options);
}

/** Starts what `npm start` runs, through a shell as npm does. A signal to the process reaches that shell. */
export function startByNpm(options: { env: Settings; cwd: string }): StartedCommand {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: { start: string } };
  const line = scripts.start.replaceAll('node src/main.ts', `'${process.execPath}' '${join(root, 'src/main.ts')}'`);
  return startProgram(['/bin/sh', '-c', line], options);
}

function startProgram([program = '', ...args]: readonly string[], options: { env: Settings; cwd: string }): StartedCommand {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], TMPDIR: process.env['TMPDIR'], ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  let onText = () => {};
  child.stdout.on('data', (chunk) => {
    out += chunk;
    onText();
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
    onText();
  });
  const ended = new Promise<CommandResult>((resolve) => child.on('close', (code, signal) => resolve({ code: signal ?? code, out, err })));
  const says = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const previous = onText;
      onText = () => {
        previous();
        if (out.includes(text) || err.includes(text)) resolve();
      };
      onText();
      void ended.then((result) => reject(new Error(`it ended without "${text}": ${JSON.stringify(result)}`)));
    });
  return { process: child, out: () => out, err: () => err, says, ended };
}

/** What a command answered in JSON. */
export function jsonOf<Answer>(result: CommandResult): Answer {
  if (result.code !== 0) throw new Error(`the command failed: ${JSON.stringify(result)}`);
  return JSON.parse(result.out) as Answer;
}

/** What a command said was wrong, in JSON. */
export function problemOf(result: CommandResult): { code: string; message: string } {
  return (JSON.parse(result.err) as { error: { code: string; message: string } }).error;
}
