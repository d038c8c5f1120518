/** Limits on guessing, with counters in the database. The test plays a trusted proxy, so that it can come from many addresses. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ServerId } from '../../src/domain/ids.ts';
import { createDatabasePool } from '../../src/platform/database-pool.ts';
import { type AttemptLimits, createAttemptLimits } from '../../src/services/limit-attempts.ts';
import { createRateCounters } from '../../src/store/rate-limits.ts';
import { startIssuer, type TestIssuer, type TestPerson } from '../support/issuer.ts';
import { moveTime } from '../support/moved-time.ts';
import { Browser, readForms } from '../support/person.ts';
import { postReports } from '../support/tool-reports.ts';

let issuer: TestIssuer;
let pool: ReturnType<typeof createDatabasePool>;

beforeAll(async () => {
  // The database is known only once the issuer stands.
  let made: AttemptLimits | undefined;
  const limits = () => {
    pool ??= createDatabasePool({ url: issuer.database.runtimeUrl, maxConnections: 3 });
    made ??= createAttemptLimits(createRateCounters(pool));
    return made;
  };
  issuer = await startIssuer({
    app: {
      trustedProxies: ['127.0.0.0/8', '::1'],
      limits: {
        admitSignIn: (...attempt) => limits().admitSignIn(...attempt),
        forgiveSignIn: (...attempt) => limits().forgiveSignIn(...attempt),
        admitRegistration: (...attempt) => limits().admitRegistration(...attempt),
        admitLink: (...attempt) => limits().admitLink(...attempt),
        admitReports: (...attempt) => limits().admitReports(...attempt),
        admitToolLists: (...attempt) => limits().admitToolLists(...attempt),
      },
    },
  });
});
afterAll(async () => {
  await pool.end();
  await issuer.stop();
});

/** A try to sign in, from an address; returns status and seconds to wait. */
async function tryPassword(
  browser: Browser,
  typed: { email: string; password: string },
  address: string,
): Promise<{ status: number; wait: number }> {
  const headers = { 'X-Forwarded-For': address };
  const [form] = readForms((await browser.get('/account', headers)).text);
  if (!form) return { status: 0, wait: 0 };
  const values = new Map([
    ['email', typed.email],
    ['password', typed.password],
  ]);
  const fields = form.fields.map(([name, value]) => [name, values.get(name) ?? value] as const);
  const answer = await browser.post(form.action, fields, headers);
  return { status: answer.status, wait: Number(answer.headers['retry-after'] ?? 0) };
}

async function guess(email: string, times: number, addressOf: (index: number) => string): Promise<number[]> {
  const statuses: number[] = [];
  for (let index = 0; index < times; index += 1) {
    const { status } = await tryPassword(new Browser(issuer.origin), { email, password: `guess number ${index}` }, addressOf(index));
    statuses.push(status);
  }
  return statuses;
}

const countOf = (statuses: readonly number[], status: number) => statuses.filter((one) => one === status).length;

describe('ABUSE-28: guessing passwords', () => {
  it('from one address: ten tries, then 429 with Retry-After, for the right password too', async () => {
    const person = await issuer.addPerson();
    const statuses = await guess(person.email, 12, () => '203.0.113.1');
    expect([countOf(statuses, 200), countOf(statuses, 429)]).toEqual([10, 2]);
    const right = await tryPassword(new Browser(issuer.origin), person, '203.0.113.1');
    expect(right.status).toBe(429);
    expect(right.wait).toBeGreaterThan(800);
    expect(right.wait).toBeLessThanOrEqual(900);
  });

  it('ABUSE-27: an account that does not exist is limited alike', async () => {
    const statuses = await guess('nobody@example.com', 12, () => '203.0.113.2');
    expect([countOf(statuses, 200), countOf(statuses, 429)]).toEqual([10, 2]);
  });

  it('20 at once are counted like 20 one after another', async () => {
    const { email } = await issuer.addPerson();
    const tries = Array.from({ length: 20 }, (_, index) =>
      tryPassword(new Browser(issuer.origin), { email, password: `guess ${index}` }, '203.0.113.3'),
    );
    expect(
      countOf(
        (await Promise.all(tries)).map(({ status }) => status),
        200,
      ),
    ).toBe(10);
  });

  it('an IPv6 network of 64 bits is one address', async () => {
    const { email } = await issuer.addPerson();
    const statuses = await guess(email, 12, (index) => `2001:db8:0:1::${index + 1}`);
    expect([countOf(statuses, 200), countOf(statuses, 429)]).toEqual([10, 2]);
  });

  it('from many addresses: the account as a whole is limited', async () => {
    const { email } = await issuer.addPerson();
    const statuses = await guess(email, 55, (index) => `198.51.100.${index + 1}`);
    expect([countOf(statuses, 200), countOf(statuses, 429)]).toEqual([50, 5]);
  });

  it('a victim is not locked out: a browser that she used before goes on, and time heals the rest', async () => {
    const person: TestPerson = await issuer.addPerson();
    const known = new Browser(issuer.origin);
    expect((await tryPassword(known, person, '203.0.113.50')).status).toBe(303);
    const known2 = new Browser(issuer.origin);
    for (const [name, cookie] of known.cookies) if (name === 'toolgrant-known-root') known2.cookies.set(name, cookie);
    await guess(person.email, 60, (index) => `198.51.100.${100 + (index % 60)}`);
    expect((await tryPassword(new Browser(issuer.origin), person, '203.0.113.51')).status).toBe(429);
    expect((await tryPassword(known2, person, '203.0.113.52')).status).toBe(303);
    const time = moveTime();
    try {
      time.forward(3_601);
      expect((await tryPassword(new Browser(issuer.origin), person, '203.0.113.51')).status).toBe(303);
    } finally {
      time.restore();
    }
  });

  it('the cookie of a known browser opens nothing: it is limited too, counts for its own account only, and cannot be made up', async () => {
    const [mine, other] = [await issuer.addPerson(), await issuer.addPerson()];
    const browser = new Browser(issuer.origin);
    await tryPassword(browser, mine, '203.0.113.60');
    const cookie = browser.cookies.get('toolgrant-known-root');
    const withCookie = (value = cookie?.value ?? '') => {
      const fresh = new Browser(issuer.origin);
      fresh.cookies.set('toolgrant-known-root', { value, path: '/' });
      return fresh;
    };
    await guess(other.email, 10, () => '203.0.113.61');
    expect((await tryPassword(withCookie(), other, '203.0.113.61')).status).toBe(429);
    expect((await tryPassword(withCookie('v1.made.up'), other, '203.0.113.61')).status).toBe(429);
    const statuses: number[] = [];
    for (let index = 0; index < 11; index += 1) {
      statuses.push(
        (await tryPassword(withCookie(), { email: mine.email, password: `guess ${index}` }, `198.51.100.${200 + index}`)).status,
      );
    }
    expect([countOf(statuses, 200), countOf(statuses, 429)]).toEqual([10, 1]);
  });

  it('a right password starts the count anew', async () => {
    const person = await issuer.addPerson();
    for (let round = 0; round < 2; round += 1) {
      expect(countOf(await guess(person.email, 9, () => '203.0.113.70'), 200)).toBe(9);
      expect((await tryPassword(new Browser(issuer.origin), person, '203.0.113.70')).status).toBe(303);
    }
  });

  it('ABUSE-29: an address that a stranger makes up counts for nothing', async () => {
    const { email } = await issuer.addPerson();
    const statuses = await guess(email, 12, (index) => `10.0.0.${index}, 203.0.113.80`);
    expect([countOf(statuses, 200), countOf(statuses, 429)]).toEqual([10, 2]);
  });

  it('the current password on the password page cannot be guessed either', async () => {
    const person = await issuer.addPerson();
    const browser = new Browser(issuer.origin);
    await tryPassword(browser, person, '203.0.113.90');
    const statuses: number[] = [];
    for (let index = 0; index < 11; index += 1) {
      const [form] = readForms((await browser.get('/account/password')).text);
      const token = form?.fields.filter(([name]) => name === 'form_token') ?? [];
      statuses.push(
        (await browser.post('/account/password', [...token, ['current', `guess ${index}`], ['password', 'seven quiet otters']])).status,
      );
    }
    expect([countOf(statuses, 200), countOf(statuses, 429)]).toEqual([10, 1]);
  });
});

describe('one-time links', () => {
  it('cannot be tried without end', async () => {
    const statuses: number[] = [];
    for (let index = 0; index < 32; index += 1) {
      statuses.push((await issuer.send({ path: `/link/guess-${index}`, headers: { 'X-Forwarded-For': '203.0.113.99' } })).status);
    }
    expect([countOf(statuses, 404), countOf(statuses, 429)]).toEqual([30, 2]);
  });
});

describe('reports of calls', () => {
  it('ABUSE-10: are limited per server; the answer says how long to wait, and another server goes on', async () => {
    const [server, other] = [await issuer.addServer(), await issuer.addServer()];
    expect((await postReports(issuer, server, [])).status).toBe(200);
    const { admitReports } = createAttemptLimits(createRateCounters(pool));
    expect(await admitReports(issuer.tenant, server.serverId as ServerId, 299_999)).toEqual({ isAdmitted: true });
    const refused = await postReports(issuer, server, []);
    expect([refused.status, refused.json().error]).toEqual([429, 'temporarily_unavailable']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(60);
    expect((await postReports(issuer, other, [])).status).toBe(200);
  });
});

describe('the counters', () => {
  it('name nobody: neither addresses nor emails are in the table', async () => {
    const rows = await pool.query('SELECT key FROM rate_limits');
    expect(rows.rows.length).toBeGreaterThan(10);
    expect(JSON.stringify(rows.rows)).not.toMatch(/@|203\.0\.113|2001:db8/);
  });
});
