/** How fast a large audit trail is sealed, exported and verified, and in how much memory. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sealAuditEvents } from '../../src/services/seal-audit-events.ts';
import { type LargeTrail, openTrail, withTrail } from './audit-trail.ts';
import { residentBytesOf } from './cpu-time.ts';
import type { BenchOptions } from './options.ts';

/** What commands may keep in memory: with a trail that did not fit they would fail, rather than take what the machine has. */
const heapMebibytes = 256;

/** Runs it and returns the findings as text. */
export function measureAuditExport({ rowCount }: BenchOptions & { rowCount: number }, say: (line: string) => void): Promise<string> {
  return withTrail(rowCount, say, (trail) => carryOut(trail, rowCount, say));
}

async function carryOut(trail: LargeTrail, events: number, say: (line: string) => void): Promise<string> {
  const { env, folder } = trail;
  const opened = await openTrail(trail);
  const beganAt = performance.now();
  const cpuBefore = process.cpuUsage();
  while ((await sealAuditEvents(opened.runtime)) > 0);
  const cpu = process.cpuUsage(cpuBefore);
  const sealedPerSecond = events / ((performance.now() - beganAt) / 1_000);
  await opened.close();
  say(`sealed ${Math.round(sealedPerSecond)}/s, CPU µs ${((cpu.user + cpu.system) / events).toFixed(1)} an event`);
  const exported = await runCommand(['audit', 'export'], { env, folder, output: join(folder, 'trail.jsonl') });
  say(`exported ${Math.round(events / exported.seconds)}/s, ${Math.round(exported.peakBytes / 1e6)} MB`);
  const verified = await runCommand(['audit', 'verify'], { env, folder });
  const offline = await runCommand(['audit', 'verify', '--file', join(folder, 'trail.jsonl')], { env, folder });
  const line = (title: string, { seconds, peakBytes }: { seconds: number; peakBytes: number }) =>
    `| ${title} | ${Math.round(events / seconds).toLocaleString('en')} | ${Math.round(peakBytes / 1e6)} |`;
  return [
    `${events.toLocaleString('en')} events, by the command line with a heap of ${heapMebibytes} MiB (\`--max-old-space-size\`), its start included:`,
    '',
    '| | events /s | most memory, MB |',
    '| --- | ---: | ---: |',
    `| sealing (in process; CPU ${((cpu.user + cpu.system) / events).toFixed(1)} µs an event) | ${Math.round(sealedPerSecond).toLocaleString('en')} | |`,
    line('`audit export`', exported),
    line('`audit verify`', verified),
    line('`audit verify --file`', offline),
  ].join('\n');
}

async function runCommand(
  args: readonly string[],
  { env, folder, output }: { env: Record<string, string>; folder: string; output?: string },
): Promise<{ seconds: number; peakBytes: number }> {
  const beganAt = performance.now();
  const main = join(import.meta.dirname, '../../dist/toolgrant/lib/main.js');
  const command = output === undefined ? '"$0" "$@" > /dev/null' : `"$0" "$@" > '${output}'`;
  const child = spawn('/bin/sh', ['-c', `exec ${command}`, process.execPath, main, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], NODE_OPTIONS: `--max-old-space-size=${heapMebibytes}`, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [peakBytes, code] = await Promise.all([watchMemory(child), new Promise<number | null>((resolve) => child.on('close', resolve))]);
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}`);
  return { seconds: (performance.now() - beganAt) / 1_000, peakBytes };
}

async function watchMemory(child: ChildProcess): Promise<number> {
  let peak = 0;
  while (child.exitCode === null && child.signalCode === null) {
    peak = Math.max(peak, (child.pid === undefined ? undefined : residentBytesOf(child.pid)) ?? 0);
    await sleep(50);
  }
  return peak;
}
