import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Pool } from 'pg';
import { createDatabasePool } from '../../src/platform/database-pool.ts';
import { createAttemptLimits } from '../../src/services/limit-attempts.ts';
import { createRateCounters } from '../../src/store/rate-limits.ts';
import type { RawResponse } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { type MovedTime, moveTime } from '../support/moved-time.ts';
import { postJson, registerTestClient } from '../support/oauth-client.ts';

/** What one address may register in an hour. */
const allowed = 60;

let base: TestIssuer;
let pool: Pool;
let behindProxy: TestIssuer;
let direct: TestIssuer;
let time: MovedTime | undefined;

beforeAll(async () => {
  base = await startIssuer();
  pool = createDatabasePool({ url: base.database.runtimeUrl });
  const limits = createAttemptLimits(createRateCounters(pool));
  behindProxy = await startIssuer({ beside: base, app: { limits, trustedProxies: ['127.0.0.1'] } });
  direct = await startIssuer({ beside: base, app: { limits } });
});
afterEach(() => {
  time?.restore();
  time = undefined;
});
afterAll(async () => {
  await direct.stop();
  await behindProxy.stop();
  await pool.end();
  await base.stop();
});

const loopback = { redirect_uris: ['http://127.0.0.1/cb'], token_endpoint_auth_method: 'none' };

function registerFrom(address: string, issuer = behindProxy, body: object = loopback): Promise<RawResponse> {
  return postJson(issuer, '/register', body, { 'X-Forwarded-For': address, Origin: 'https://agent.example' });
}

/** As many tries as make five too many. They are counted before they are judged; refused ones cost a test less. */
async function flood(addressOf: (index: number) => string, issuer = behindProxy): Promise<number[]> {
  const tries = Array.from({ length: allowed + 5 }, (_, index) => registerFrom(addressOf(index), issuer, {}));
  return (await Promise.all(tries)).map(({ status }) => status).sort();
}

const fiveTooMany = [...Array<number>(allowed).fill(400), ...Array<number>(5).fill(429)];

describe('a flood of registrations', () => {
  it('ABUSE-10: is stopped with 429 and a time to try again, which a script of any origin may read', async () => {
    const answers = await Promise.all(Array.from({ length: allowed + 5 }, () => registerFrom('192.0.2.1')));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(allowed);
    const refused = await registerFrom('192.0.2.1');
    expect(refused.status).toBe(429);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(3_600);
    expect(refused.headers['access-control-allow-origin']).toBe('*');
    expect(refused.headers['access-control-expose-headers']).toContain('Retry-After');
    expect(refused.headers['cache-control']).toBe('no-store');
    expect(refused.json()).toMatchObject({ error: 'temporarily_unavailable', error_description: expect.not.stringContaining('password') });
  });

  it('ABUSE-10: leaves other addresses alone', async () => {
    await flood(() => '192.0.2.2');
    expect((await registerFrom('192.0.2.3')).status).toBe(201);
    expect((await registerFrom('2001:db8::192.0.2.2')).status).toBe(201);
  });

  it('ABUSE-10: of IPv6 counts by networks of 64 bits, however they are written', async () => {
    expect(await flood((index) => `2001:db8:1:2:${index.toString(16)}::1`)).toEqual(fiveTooMany);
    for (const same of ['2001:db8:1:2::', '2001:0DB8:0001:0002:ffff:ffff:ffff:ffff', '2001:db8:1:2::192.0.2.9'])
      expect((await registerFrom(same)).status).toBe(429);
    for (const other of ['2001:db8:1:3::1', '2001:db8:2:2::1', '2001:db8:1::2']) expect((await registerFrom(other)).status).toBe(201);
  });

  it('ABUSE-10: counts an IPv4 address in IPv6 as itself', async () => {
    expect(await flood((index) => (index % 2 === 0 ? '192.0.2.4' : '::ffff:192.0.2.4'))).toEqual(fiveTooMany);
    expect((await registerFrom('::ffff:192.0.2.5')).status).toBe(201);
  });

  it('ABUSE-10, ABUSE-29: cannot be spread by forwarding headers that nobody vouches for', async () => {
    expect(await flood((index) => `198.51.100.${index}`, direct)).toEqual(fiveTooMany);
    expect((await registerFrom('203.0.113.1', direct)).status).toBe(429);
  });

  it('ABUSE-29: nor by forged entries left of the one that the proxy wrote', async () => {
    expect(await flood((index) => `198.51.100.${index}, 192.0.2.6`)).toEqual(fiveTooMany);
  });

  it('ABUSE-10: counts changes of a registration as well, and leaves reading and removing alone', async () => {
    const client = await registerTestClient(base);
    const headers = {
      'X-Forwarded-For': '192.0.2.8',
      'Content-Type': 'application/json',
      Authorization: `Bearer ${client.managementToken}`,
    };
    const path = `/register/${client.clientId}`;
    const body = JSON.stringify({ ...loopback, client_id: client.clientId });
    const change = () => behindProxy.send({ method: 'PUT', path, headers, body });
    await flood(() => '192.0.2.8');
    expect((await change()).status).toBe(429);
    time = moveTime();
    time.forward(3_601);
    expect((await change()).status).toBe(200);
    expect((await behindProxy.send({ path, headers })).status).toBe(200);
    expect((await behindProxy.send({ method: 'DELETE', path, headers })).status).toBe(204);
  });

  it('MCP-33, ABUSE-84: counts at all instances together', async () => {
    const other = await startIssuer({
      beside: base,
      app: { limits: createAttemptLimits(createRateCounters(pool)), trustedProxies: ['127.0.0.1'] },
    });
    try {
      await flood(() => '192.0.2.9', other);
      expect((await registerFrom('192.0.2.9')).status).toBe(429);
    } finally {
      await other.stop();
    }
  });

  it('ABUSE-10: is over after the time that was told', async () => {
    await flood(() => '192.0.2.10');
    const seconds = Number((await registerFrom('192.0.2.10')).headers['retry-after']);
    time = moveTime();
    time.forward(seconds + 1);
    expect((await registerFrom('192.0.2.10')).status).toBe(201);
  });
});
