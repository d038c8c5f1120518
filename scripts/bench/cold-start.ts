/** How long the product takes from its start to its first answer, on an embedded database that is there already. */
import { spawn } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ended } from './contenders/contender.ts';
import { findFreePort } from './contenders/free-port.ts';
import { onAllCores } from './cores.ts';

const checkout = resolve(import.meta.dirname, '../..');
const longestMs = 60_000;

/** What the starts found. */
export interface ColdStarts {
  /** The very first, which makes and migrates the database. */
  firstMs: number;
  /** Those after it. */
  laterMs: readonly number[];
}

/** Starts it once, and then again as often as asked; not bound to a core, as an operator starts it. */
export async function measureColdStarts(times: number): Promise<ColdStarts> {
  const folder = await mkdtemp(join(tmpdir(), 'toolgrant-bench-'));
  try {
    const firstMs = await startOnce(folder);
    const laterMs: number[] = [];
    while (laterMs.length < times) laterMs.push(await startOnce(folder));
    return { firstMs, laterMs };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** From the start of the process to the first 200 of `/readyz`. */
async function startOnce(folder: string): Promise<number> {
  const origin = `http://127.0.0.1:${await findFreePort()}`;
  const log = await open(join(folder, 'toolgrant.log'), 'a');
  const { command, args } = onAllCores(process.execPath, [join(checkout, 'dist/toolgrant/lib/main.js'), 'serve']);
  const env = { PATH: process.env['PATH'], NODE_ENV: 'production', TOOLGRANT_ISSUER: origin, TOOLGRANT_HOST: '127.0.0.1' };
  const settings = { TOOLGRANT_PORT: new URL(origin).port, TOOLGRANT_DATA_DIR: join(folder, 'data') };
  const startedAt = performance.now();
  const child = spawn(command, args, { cwd: folder, stdio: ['ignore', log.fd, log.fd], env: { ...env, ...settings } });
  try {
    while (performance.now() < startedAt + longestMs && child.exitCode === null) {
      const answer = await fetch(`${origin}/readyz`).catch(() => undefined);
      if (answer?.ok) return performance.now() - startedAt;
      await sleep(5);
    }
    throw new Error(`toolgrant serve did not answer within ${longestMs / 1_000} s`);
  } finally {
    child.kill('SIGTERM');
    await ended(child);
    await log.close();
  }
}
