/** Processor time and memory of processes, from `/proc`; undefined on systems without it. */
import { readdirSync, readFileSync } from 'node:fs';

/** The kernel counts in hundredths of a second for user programs, whatever its own tick is. */
const ticksPerSecond = 100;

interface ProcessStat {
  pid: number;
  parent: number;
  ownTicks: number;
  /** Of children that ended. */
  waitedTicks: number;
}

/** Processor seconds that one process has used, all its threads together. */
export function cpuSecondsOf(pid: number): number | undefined {
  const stat = readStat(pid);
  return stat && stat.ownTicks / ticksPerSecond;
}

/** Processor seconds of a process and all below it, those that ended included. */
export function cpuSecondsOfTree(pid: number): number | undefined {
  const all = readAll();
  const isBelow = (stat: ProcessStat | undefined): boolean =>
    stat !== undefined && (stat.pid === pid || isBelow(all.find((other) => other.pid === stat.parent)));
  const tree = all.filter(isBelow);
  if (tree.length === 0) return undefined;
  return tree.reduce((sum, { ownTicks, waitedTicks }) => sum + ownTicks + waitedTicks, 0) / ticksPerSecond;
}

/** Processor seconds that the whole machine has spent on anything but idling. */
export function busySecondsOfMachine(): number | undefined {
  const [user, nice, system, , , interrupt, softInterrupt, steal] = (/^cpu +(.+)$/m.exec(readText('/proc/stat') ?? '')?.[1] ?? '')
    .split(' ')
    .map(Number);
  const parts = [user, nice, system, interrupt, softInterrupt, steal];
  return parts.every((part) => part !== undefined) ? parts.reduce((sum, part) => sum + part, 0) / ticksPerSecond : undefined;
}

/** Memory that a process holds right now, in bytes. */
export function residentBytesOf(pid: number): number | undefined {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readText(`/proc/${pid}/status`) ?? '')?.[1];
  return kib === undefined ? undefined : Number(kib) * 1_024;
}

/** The same of each Node process of a tree; without the topmost, which only watches over the others, where that is so. */
export function residentBytesOfTree(pid: number, { withTop }: { withTop: boolean }): number[] {
  const all = readAll();
  const below = all.filter((stat) => stat.parent === pid).map((stat) => stat.pid);
  return [...(withTop ? [pid] : []), ...below].flatMap((one) => residentBytesOf(one) ?? []);
}

function readAll(): ProcessStat[] {
  try {
    return readdirSync('/proc').flatMap((entry) => (/^\d+$/.test(entry) ? (readStat(Number(entry)) ?? []) : []));
  } catch {
    return [];
  }
}

function readStat(pid: number): ProcessStat | undefined {
  // The name stands in brackets and may itself contain some: what follows the last one is in fixed places.
  const match = /^\d+ \(.*\) (.+)$/s.exec(readText(`/proc/${pid}/stat`) ?? '');
  if (!match) return undefined;
  const [, rest = ''] = match;
  const fields = rest.split(' ').map(Number);
  const at = (place: number) => fields[place - 3] ?? Number.NaN;
  return { pid, parent: at(4), ownTicks: at(14) + at(15), waitedTicks: at(16) + at(17) };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
