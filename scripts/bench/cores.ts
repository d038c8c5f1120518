import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** Which cores the parties of the bench are bound to. */
export interface Cores {
  /** For the process that is measured. */
  server: number;
  /** For the load generator and PostgreSQL. */
  rest: number;
}

/**
 * Binds this process and what it starts from now on (PostgreSQL) to one core, and names the other one for the servers.
 * Undefined where that cannot be done: the system then places everyone, and figures vary more.
 */
export function takeCores(): Cores | undefined {
  if (availableParallelism() < 2) return undefined;
  const cores: Cores = { server: 0, rest: 1 };
  const bound = spawnSync('taskset', ['--all-tasks', '--cpu-list', '--pid', String(cores.rest), String(process.pid)], { stdio: 'ignore' });
  return bound.status === 0 ? cores : undefined;
}

/** The command line that runs Node on the servers' core. */
export function nodeOnServerCore(cores: Cores | undefined, args: readonly string[]): { command: string; args: string[] } {
  const node = process.execPath;
  return cores ? { command: 'taskset', args: ['--cpu-list', String(cores.server), node, ...args] } : { command: node, args: [...args] };
}
