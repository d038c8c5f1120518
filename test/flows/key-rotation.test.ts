import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, customFetch, type JWK, jwtVerify } from 'jose';
import { createVerifier } from '../../src/resource-server/index.ts';
import { listKeys } from '../../src/services/list-keys.ts';
import { rotateDueKeys, rotateKeys } from '../../src/services/rotate-keys.ts';
import { advanceKeys } from '../../src/services/signing-keys.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { fetchFrom } from '../support/issuer-fetch.ts';
import { type MovedTime, moveTime } from '../support/moved-time.ts';
import { connect, isActive, refresh, registerTestClient, type Tokens } from '../support/oauth-client.ts';

let issuer: TestIssuer;
let other: TestIssuer;
let person: TestPerson;
let server: TestServer;
/** Goes one way through the whole file: keys that were made later must not lie in the future. */
let time: MovedTime;

beforeAll(async () => {
  issuer = await startIssuer();
  other = await startIssuer({ beside: issuer });
  person = await issuer.addPerson();
  server = await issuer.addServer();
  time = moveTime();
});
afterAll(async () => {
  await other.stop();
  await issuer.stop();
  time.restore();
});

const operator = { actorType: 'operator' } as const;

async function publishedKids(at: TestIssuer): Promise<string[]> {
  const { keys } = (await at.send({ path: '/jwks' })).json<{ keys: JWK[] }>();
  return keys.map(({ kid }) => kid as string).sort();
}

function kidOf(token: string): string {
  return JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString('utf8')).kid as string;
}

async function keyIn(state: string): Promise<string> {
  const key = (await listKeys(issuer.runtime, issuer.tenant)).find((one) => one.state === state);
  if (!key) throw new Error(`no ${state} key`);
  return key.kid;
}

/** Reads until it is so; gives up after a good many times. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('it never became so');
}

/** In which nothing reaches an instance: the next request is the one that counts (ABUSE-84). */
const aSecond = () => new Promise((resolve) => setTimeout(resolve, 1_000));

/** What the next readers get, one at once after the other: each waits a quarter of a second for a database that is slow, and then gets what was known. */
async function readAtOnce(at: TestIssuer, isSo: (kids: readonly string[]) => boolean): Promise<string[]> {
  let kids = await publishedKids(at);
  for (let tries = 1; !isSo(kids) && tries < 20; tries += 1) kids = await publishedKids(at);
  return kids;
}

/** A family of refresh tokens that is used at one instance or the other. */
async function newFamily() {
  const client = await registerTestClient(issuer);
  let tokens: Tokens = await connect(issuer, { client, person, server });
  return {
    tokens: () => tokens,
    refreshAt: async (at: TestIssuer) => {
      const answer = await refresh(at, client, tokens.refresh_token);
      expect(answer.status).toBe(200);
      tokens = answer.json() as unknown as Tokens;
      return tokens.access_token;
    },
  };
}

describe('signing keys', () => {
  it('a key waits in public before it signs, on every instance', async () => {
    const [current, next] = [await keyIn('current'), await keyIn('next')];
    expect(await publishedKids(issuer)).toEqual([current, next].sort());
    expect(await publishedKids(other)).toEqual([current, next].sort());
    const family = await newFamily();
    expect(kidOf(family.tokens().access_token)).toBe(current);
  });

  it('ENG-23, ABUSE-84: asked to rotate, waits for readers, then signs with the next key on both instances without a restart', async () => {
    const family = await newFamily();
    const [old, next] = [await keyIn('current'), await keyIn('next')];
    const early = await rotateKeys(issuer.runtime, issuer.tenant, { isLeaked: false, origin: operator });
    expect(early.signs.kid).toBe(old);
    expect(early.waits).toMatchObject({ kid: next, changesAt: expect.any(Date) });
    time.forward(600);
    expect(await rotateDueKeys(issuer.runtime)).toBe(1);
    expect(await rotateDueKeys(issuer.runtime)).toBe(0);
    await aSecond();
    for (const at of [issuer, other]) {
      expect(kidOf(await family.refreshAt(at))).toBe(next);
      expect(await publishedKids(at)).toEqual([old, next, await keyIn('next')].sort());
    }
    expect(await isActive(other, server, family.tokens().access_token)).toBe(true);
  });

  it('of instances that rotate together, one does', async () => {
    time.forward(700);
    const before = await keyIn('next');
    await Promise.all(
      [issuer, other, issuer, other].map(({ runtime, tenant }) => rotateKeys(runtime, tenant, { isLeaked: false, origin: operator })),
    );
    expect(await keyIn('current')).toBe(before);
    const states = (await listKeys(issuer.runtime, issuer.tenant)).map(({ state }) => state);
    expect(states.filter((state) => state === 'current')).toHaveLength(1);
    expect(states.filter((state) => state === 'next')).toHaveLength(1);
  });

  it('a key that signs nothing any more leaves when the last thing it signed is over, and nobody can sign with it then', async () => {
    time.forward(600);
    const old = await keyIn('current');
    await rotateKeys(issuer.runtime, issuer.tenant, { isLeaked: false, origin: operator });
    time.forward(900 + 300 - 1);
    await rotateDueKeys(issuer.runtime);
    expect(await publishedKids(issuer)).toContain(old);
    time.forward(2);
    await rotateDueKeys(issuer.runtime);
    await aSecond();
    for (const at of [issuer, other]) expect(await readAtOnce(at, (kids) => !kids.includes(old))).not.toContain(old);
    const row = await issuer.runtime.store.signingKey.findFirst({ where: { kid: old } });
    expect(row).toMatchObject({ state: 'retired', sealedPrivateJwk: null, retiredAt: expect.any(Date), signsUntil: expect.any(Date) });
  });

  it('ABUSE-84: a leaked key is withdrawn on both instances within a second: its tokens are refused, and clients go on by refreshing', async () => {
    const family = await newFamily();
    const leaked = family.tokens().access_token;
    // What both have ready is of before.
    for (const at of [issuer, other]) {
      expect(await publishedKids(at)).toContain(kidOf(leaked));
      expect(await isActive(at, server, leaked)).toBe(true);
    }
    const { signs } = await rotateKeys(issuer.runtime, issuer.tenant, { isLeaked: true, origin: operator });
    await aSecond();
    // The first to ask is a reader at the one, a server at the other.
    expect(await readAtOnce(issuer, (kids) => !kids.includes(kidOf(leaked)))).not.toContain(kidOf(leaked));
    expect(await isActive(other, server, leaked)).toBe(false);
    expect(await publishedKids(other)).not.toContain(kidOf(leaked));
    expect(await isActive(issuer, server, leaked)).toBe(false);
    const jwks = createRemoteJWKSet(new URL(`${issuer.url}/jwks`), { [customFetch]: fetchFrom(issuer) as never });
    await expect(jwtVerify(leaked, jwks)).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
    const fresh = await family.refreshAt(other);
    expect(kidOf(fresh)).toBe(signs.kid);
    await expect(jwtVerify(fresh, jwks)).resolves.toBeDefined();
  });

  it('ABUSE-54: rotation after rotation under load on two instances, no token is ever refused', async () => {
    const families = await Promise.all(Array.from({ length: 4 }, newFamily));
    const jwks = createRemoteJWKSet(new URL(`${issuer.url}/jwks`), { [customFetch]: fetchFrom(issuer) as never, cacheMaxAge: 300_000 });
    const verifier = createVerifier({ issuer: issuer.url, resource: server.resource, fetch: fetchFrom(other) });
    const verify = async (token: string) => {
      await jwtVerify(token, jwks, { audience: server.resource, issuer: issuer.url });
      const access = await verifier.verify(`Bearer ${token}`);
      expect(access.allows('list_issues')).toBe(true);
    };
    const kids = new Set<string>();
    let isOver = false;
    let verified = 0;
    const load = families.map(async (family, index) => {
      for (let turn = index; !isOver && turn < 2_000; turn += 1) {
        const before = family.tokens().access_token;
        const token = await family.refreshAt(turn % 2 === 0 ? issuer : other);
        kids.add(kidOf(token));
        await verify(token);
        await verify(before);
        verified += 2;
      }
    });
    for (let rotation = 0; rotation < 4; rotation += 1) {
      // Longer than a key waits, shorter than a token lives: tokens of the key before are still about.
      time.forward(610);
      await advanceKeys((rotation % 2 === 0 ? issuer : other).runtime, issuer.tenant, { origin: operator, request: 'rotate' });
      // Time is moved by ten minutes within a moment: what takes an instance a second must be over before.
      const waiting = await keyIn('next');
      for (const at of [issuer, other]) await until(async () => (await publishedKids(at)).includes(waiting));
      const goal = verified + 40;
      await until(async () => verified >= goal);
    }
    isOver = true;
    await Promise.all(load);
    expect(kids.size).toBeGreaterThanOrEqual(5);
  });

  it('ABUSE-55: the audit trail names keys and shows none of them', async () => {
    const events = await issuer.runtime.store.auditEvent.findMany({ where: { type: { startsWith: 'key.' } } });
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['key.created', 'key.rotated', 'key.retired']));
    expect(JSON.stringify(events)).not.toMatch(/"d":|"x":|sealed/);
    const overview = JSON.stringify(await listKeys(issuer.runtime, issuer.tenant));
    expect(overview).not.toMatch(/"d":|sealed|v1\./);
  });
});
