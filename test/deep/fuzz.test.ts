/** A tenth of the requests of `npm run soak -- --only fuzz`. `TOOLGRANT_FUZZ_SEED` repeats a run. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { fuzzParts } from '../support/fuzz/parts.ts';
import { fuzz } from '../support/fuzz/run.ts';
import { type FuzzTarget, startFuzzTarget } from '../support/fuzz/target.ts';

const share = Number(process.env['TOOLGRANT_FUZZ_SHARE'] ?? 0.1);
const seed = Number(process.env['TOOLGRANT_FUZZ_SEED'] ?? Date.now() % 1_000_000);

let target: FuzzTarget;
beforeAll(async () => {
  target = await startFuzzTarget();
});
afterAll(() => target.stop());

it.each(fuzzParts.map(({ title, ...part }) => [title, part] as const))(
  `ABUSE-86, ABUSE-10, ABUSE-19: %s by chance: no 500, no exit, no secret, no way to a stranger (seed ${seed})`,
  async (_title, { requests, count }) => {
    const report = await fuzz(target, { requests, count: Math.ceil(count * share), seed });
    expect(report.failure).toBeUndefined();
    expect(report.sent).toBe(Math.ceil(count * share));
    // Half of what is sent is refused for its form; what never came further would test nothing.
    const statuses = [...report.outcomes.keys()].map((outcome) => Number(outcome.split(' ').at(-1)));
    expect(statuses.some((status) => status >= 200 && status < 400)).toBe(true);
  },
);

it(`ABUSE-86, ABUSE-12: afterwards every stored client keeps the rules, nothing was logged as a fault, and nothing left this machine (seed ${seed})`, async () => {
  const { clients, problems } = await target.check();
  expect(problems).toEqual([]);
  expect(clients).toBeGreaterThan(100 * share);
});
