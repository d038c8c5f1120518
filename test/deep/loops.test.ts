/**
 * A tenth of the loops of `npm run soak`: under load the issuer is killed, its database is restarted, its connections are harmed; the
 * books must be right after.
 */
import { afterEach, expect, it } from '@jest/globals';
import { connectionLoop, killLoop, restartLoop } from '../support/fault-loops.ts';
import { type LoadedIssuer, startLoadedIssuer } from '../support/loaded-issuer.ts';

const rounds = Number(process.env['TOOLGRANT_FAULT_ROUNDS'] ?? 10);
const seed = Number(process.env['TOOLGRANT_FAULT_SEED'] ?? Date.now() % 1_000_000);

let issuer: LoadedIssuer | undefined;
afterEach(async () => {
  await issuer?.stop();
  issuer = undefined;
});

it(`ABUSE-81, ABUSE-75: kill -9, ${rounds} times under load; audit verify passes after each, no family has two tokens (seed ${seed})`, async () => {
  issuer = await startLoadedIssuer({ seed, actors: 8 });
  await killLoop(issuer, rounds);
  await issuer.check();
  expect(issuer.books.violations).toEqual([]);
  expect(issuer.counts().live).toBeGreaterThan(0);
  expect(issuer.books.tallies.get('tool.called')?.acknowledged).toBeGreaterThan(0);
});

it(`ABUSE-80, ABUSE-75: PostgreSQL restarts, fast and immediate, ${rounds} times under load; 30 s later at most all is well (seed ${seed})`, async () => {
  issuer = await startLoadedIssuer({ seed, actors: 8 });
  const { pid } = issuer.process().process;
  await restartLoop(issuer, rounds);
  await issuer.check();
  expect(issuer.books.violations).toEqual([]);
  expect(issuer.counts().live).toBeGreaterThan(0);
  expect(issuer.process().process.pid).toBe(pid);
});

it.each([8, 2])(
  `ABUSE-82: sessions killed, cut off, silent, commits without an answer, ${rounds} times under load on %i connections (seed ${seed})`,
  async (connections) => {
    const settings = { TOOLGRANT_DATABASE_POOL_SIZE: String(connections) };
    issuer = await startLoadedIssuer({ seed: seed + connections, actors: 8, isProxied: true, settings });
    const { pid } = issuer.process().process;
    await connectionLoop(issuer, rounds);
    await issuer.check();
    expect(issuer.books.violations).toEqual([]);
    expect(issuer.counts().live).toBeGreaterThan(0);
    expect(issuer.process().process.pid).toBe(pid);
  },
);
