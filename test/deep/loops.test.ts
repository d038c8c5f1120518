/** A tenth of the loops of `npm run soak`: the issuer is killed, its database is restarted, under load; the books must be right after. */
import { afterEach, expect, it } from '@jest/globals';
import { killLoop, restartLoop } from '../support/fault-loops.ts';
import { type LoadedIssuer, startLoadedIssuer } from '../support/loaded-issuer.ts';

const rounds = Number(process.env['TOOLGRANT_FAULT_ROUNDS'] ?? 10);
const seed = Number(process.env['TOOLGRANT_FAULT_SEED'] ?? Date.now() % 1_000_000);

let issuer: LoadedIssuer | undefined;
afterEach(async () => {
  await issuer?.stop();
  issuer = undefined;
});

it(`ABUSE-81, ABUSE-75: kill -9, ${rounds} times under load; audit verify passes after each (seed ${seed})`, async () => {
  issuer = await startLoadedIssuer({ seed, actors: 8 });
  await killLoop(issuer, rounds);
  await issuer.check();
  expect(issuer.books.violations).toEqual([]);
  expect(issuer.counts().live).toBeGreaterThan(0);
  expect(issuer.books.tallies.get('tool.called')?.acknowledged).toBeGreaterThan(0);
});

it(`ABUSE-80, ABUSE-75: PostgreSQL restarts, fast and immediate, ${rounds} times under load (seed ${seed})`, async () => {
  issuer = await startLoadedIssuer({ seed, actors: 8 });
  const { pid } = issuer.process().process;
  await restartLoop(issuer, rounds);
  await issuer.check();
  expect(issuer.books.violations).toEqual([]);
  expect(issuer.counts().live).toBeGreaterThan(0);
  expect(issuer.process().process.pid).toBe(pid);
});
