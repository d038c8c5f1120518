/** How much the heap of an issuer in a process of its own holds, measured from outside. */
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StartedCommand } from './command.ts';

/** What a process is started with for its memory to be read. */
export function memorySettings(folder: string): { file: string; settings: { NODE_OPTIONS: string; MEMORY_PROBE_FILE: string } } {
  const file = join(folder, 'memory.json');
  const probe = join(import.meta.dirname, 'memory-probe.ts');
  return { file, settings: { NODE_OPTIONS: `--import=file://${probe}`, MEMORY_PROBE_FILE: file } };
}

/** What a process holds, in bytes. */
export interface Memory {
  heapUsed: number;
  rss: number;
}

/** Reads it, after a garbage collection. */
export async function readMemory(command: StartedCommand, file: string): Promise<Memory> {
  await rm(file, { force: true });
  command.process.kill('SIGUSR2');
  for (let tries = 0; tries < 600 && !existsSync(file); tries += 1) await sleep(50);
  return JSON.parse(await readFile(file, 'utf8')) as Memory;
}

/** The heap alone. */
export async function readHeapBytes(command: StartedCommand, file: string): Promise<number> {
  return (await readMemory(command, file)).heapUsed;
}
