import { setTimeout as sleep } from 'node:timers/promises';
import { busySecondsOfMachine } from './cpu-time.ts';
import type { Measurement } from './measurement.ts';

/** Whether a machine that others use as well is waited for, and measurements that they disturbed are made again. */
export interface Calm {
  /** How long to wait at most for the others to stop, before each measurement. */
  waitMs: number;
  /** How often a measurement is made at most. */
  tries: number;
}

/** What others may take, in cores, before a measurement counts as disturbed. */
const tolerated = 0.15;
const lookMs = 500;

/** Measures, in calm if that comes in time; of several tries, the one that others disturbed least. */
export async function measureInCalm(calm: Calm | undefined, measure: () => Promise<Measurement>): Promise<Measurement> {
  if (!calm) return measure();
  let best: Measurement | undefined;
  for (let tries = 0; tries < calm.tries; tries += 1) {
    await waitForCalm(calm);
    const measurement = await measure();
    if (!best || measurement.othersBusy < best.othersBusy) best = measurement;
    if (!(best.othersBusy > tolerated)) break;
  }
  return best as Measurement;
}

/** Waits until nobody works, if that is wanted: at that moment all contenders are idle, so whatever is busy is something else. */
export async function waitForCalm({ waitMs }: Pick<Calm, 'waitMs'> = { waitMs: 0 }): Promise<void> {
  const deadline = performance.now() + waitMs;
  for (let before = busySecondsOfMachine(); before !== undefined && performance.now() < deadline; ) {
    await sleep(lookMs);
    const now = busySecondsOfMachine() ?? Number.NaN;
    if (!(now - before > (tolerated * lookMs) / 1_000)) return;
    before = now;
  }
}
