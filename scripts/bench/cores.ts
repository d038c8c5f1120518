import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';

/** Which cores the parties of the bench are bound to. */
export interface Cores {
  /** For the process that is measured. */
  server: string;
  /** For the load generator and PostgreSQL. */
  rest: string;
}

/**
 * Binds this process and what it starts from now on (PostgreSQL) to one core, and names the other one for the servers.
 * Undefined where that cannot be done: the system then places everyone, and figures vary more.
 */
export function takeCores(): Cores | undefined {
  if (availableParallelism() < 2) return undefined;
  const cores: Cores = { server: '0', rest: '1' };
  return giveCores(process.pid, cores.rest) ? cores : undefined;
}

/** Binds a process, and what it starts from now on. False where that cannot be done. */
export function giveCores(pid: number, cores: string): boolean {
  return spawnSync('taskset', ['--all-tasks', '--cpu-list', '--pid', cores, String(pid)], { stdio: 'ignore' }).status === 0;
}

/** The command line that runs a program on any core, whatever this process is bound to. */
export function onAllCores(command: string, args: readonly string[]): { command: string; args: string[] } {
  const isThere = spawnSync('taskset', ['--version'], { stdio: 'ignore' }).status === 0;
  const all = `0-${cpus().length - 1}`;
  return isThere ? { command: 'taskset', args: ['--cpu-list', all, command, ...args] } : { command, args: [...args] };
}

/** The command line that runs Node on the servers' core. */
export function nodeOnServerCore(cores: Cores | undefined, args: readonly string[]): { command: string; args: string[] } {
  const node = process.execPath;
  return cores ? { command: 'taskset', args: ['--cpu-list', cores.server, node, ...args] } : { command: node, args: [...args] };
}
