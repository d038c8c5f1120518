/** ABUSE-28: limits on guessing passwords keep the guesser out, and nobody else. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Pool } from 'pg';
import { createDatabasePool } from '../../src/platform/database-pool.ts';
import { randomToken } from '../../src/platform/random.ts';
import { type AttemptLimits, createAttemptLimits } from '../../src/services/limit-attempts.ts';
import { createRateCounters } from '../../src/store/rate-limits.ts';
import { startIssuer, type TestIssuer, type TestPerson } from '../support/issuer.ts';
import { Browser, readForms, signInOn } from '../support/person.ts';

let base: TestIssuer;
let issuer: TestIssuer;
let pool: Pool;
let limits: AttemptLimits;
let person: TestPerson;

beforeAll(async () => {
  base = await startIssuer();
  pool = createDatabasePool({ url: base.database.runtimeUrl });
  limits = createAttemptLimits(createRateCounters(pool));
  issuer = await startIssuer({ beside: base, app: { limits } });
});
beforeEach(async () => {
  person = await issuer.addPerson();
});
afterAll(async () => {
  await issuer.stop();
  await pool.end();
  await base.stop();
});

const tryFrom = (addressGroup: string, email = person.email) => limits.admitSignIn(issuer.tenant, { email, addressGroup });

describe('ABUSE-28: guessing', () => {
  it('from one address ends there, and locks the account nowhere else', async () => {
    const outcomes = [];
    for (let count = 0; count < 60; count += 1) outcomes.push((await tryFrom('192.0.2.1')).isAdmitted);
    expect(outcomes.filter(Boolean)).toHaveLength(10);
    expect(await tryFrom('198.51.100.1')).toEqual({ isAdmitted: true });
  });

  it('from an address that has used up its tries costs no account anything', async () => {
    for (let count = 0; count < 101; count += 1) await tryFrom('192.0.2.2', `${randomToken(8)}@example.com`);
    for (let count = 0; count < 60; count += 1) await tryFrom('192.0.2.2', person.email);
    expect(await tryFrom('198.51.100.2')).toEqual({ isAdmitted: true });
  });

  it('in parallel is counted as one after another', async () => {
    const outcomes = await Promise.all(Array.from({ length: 30 }, () => tryFrom('192.0.2.3')));
    expect(outcomes.filter(({ isAdmitted }) => isAdmitted)).toHaveLength(10);
  });

  it('gains nothing by spelling the address otherwise', async () => {
    const spellings = ['\u00e9', 'e\u0301', '\u00c9', 'E\u0301'].map((letter) => `jos${letter}.${person.email}`);
    const outcomes = [];
    for (let count = 0; count < 20; count += 1) outcomes.push((await tryFrom('192.0.2.4', spellings[count % 4])).isAdmitted);
    expect(outcomes.filter(Boolean)).toHaveLength(10);
  });

  it('at the present password, in an open session, is not forgiven for one that cannot be right', async () => {
    const browser = new Browser(issuer.origin);
    await signInOn(browser, await browser.get('/account'), person);
    const [form] = readForms((await browser.get('/account/password')).text);
    if (!form) throw new Error('no form');
    const guess = async (current: string) => {
      const typed: Record<string, string> = { current, password: 'a new one that is long enough' };
      const fields = form.fields.map(([name, value]) => [name, typed[name] ?? value] as const);
      return (await browser.post(form.action, fields)).status;
    };
    const statuses: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      for (let count = 0; count < 4; count += 1) statuses.push(await guess(`guess ${round} ${count}`));
      statuses.push(await guess('x'.repeat(2_000)));
    }
    expect(statuses).toEqual([...Array(10).fill(200), ...Array(10).fill(429)]);
  });
});
