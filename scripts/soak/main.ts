/** The soak: full counts of the fault loops and of the fuzzer, and an hour at half load. Ends with exit code 1 when anything failed. */
import { join } from 'node:path';
import { connectionLoop, fillDisk, killLoop, restartLoop } from '../../test/support/fault-loops.ts';
import { type LoadedIssuer, type LoadedIssuerOptions, startLoadedIssuer } from '../../test/support/loaded-issuer.ts';
import { mountSmallDisk } from '../../test/support/small-disk.ts';
import { runFullSize } from './full-size.ts';
import { runFuzz } from './fuzz.ts';
import { runHalfLoad } from './half-load.ts';
import { BadUsage, helpText, type PartName, parseOptions, type SoakOptions } from './options.ts';
import { type PartReport, renderPart, reportBooks } from './report.ts';

const smallDiskMebibytes = 256;

await main();

async function main(): Promise<void> {
  try {
    const options = parseOptions(process.argv.slice(2));
    if (options) await soak(options);
    else process.stdout.write(helpText);
  } catch (error) {
    if (!(error instanceof BadUsage)) throw error;
    process.stderr.write(`${error.message}\n\n${helpText}`);
    process.exitCode = 2;
  }
}

async function soak(options: SoakOptions): Promise<void> {
  const parts: Record<PartName, () => Promise<PartReport>> = {
    kills: () => runLoop(`${options.kills} kills`, options, (issuer) => killLoop(issuer, options.kills, sayRound)),
    restarts: () => runLoop(`${options.restarts} restarts`, options, (issuer) => restartLoop(issuer, options.restarts, sayRound)),
    connections: () =>
      runLoop(`${options.connections} times harmed connections`, { ...options, isProxied: true }, (issuer) =>
        connectionLoop(issuer, options.connections, sayRound),
      ),
    disk: () => runFullDisk(options),
    sizes: async () => runFullSize(say),
    load: () => runHalfLoad(options, say),
    fuzz: () => runFuzz(options, say),
  };
  say(`seed ${options.seed}`);
  for (const name of options.parts) {
    const began = performance.now();
    const report = await parts[name]();
    process.stdout.write(`${renderPart(report)}\n  ${((performance.now() - began) / 60_000).toFixed(1)} minutes\n`);
    if (report.problems.length > 0) process.exitCode = 1;
  }
  process.stdout.write(process.exitCode === 1 ? 'FAILED\n' : 'passed\n');
}

async function runFullDisk(options: SoakOptions): Promise<PartReport> {
  await using disk = await mountSmallDisk(smallDiskMebibytes);
  const onDisk = { ...options, databaseFolder: join(disk.folder, 'data') };
  return await runLoop(`${options.fills} full disks`, onDisk, (issuer) => fillDisk(issuer, disk, options.fills));
}

type LoopOptions = SoakOptions & Pick<LoadedIssuerOptions, 'databaseFolder' | 'isProxied'>;

async function runLoop(title: string, options: LoopOptions, harm: (issuer: LoadedIssuer) => Promise<void>): Promise<PartReport> {
  const issuer = await startLoadedIssuer(options);
  try {
    await harm(issuer);
    await issuer.check();
    return reportBooks(title, issuer, { excuses: true });
  } finally {
    await issuer.stop();
  }
}

function sayRound(round: number): void {
  if (round % 10 === 0) say(`round ${round}`);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
