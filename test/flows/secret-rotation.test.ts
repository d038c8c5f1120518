import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TenantId } from '../../src/domain/ids.ts';
import { createDatabasePool } from '../../src/platform/database-pool.ts';
import { sha256 } from '../../src/platform/digest.ts';
import { randomToken } from '../../src/platform/random.ts';
import { CannotDecrypt, createVault } from '../../src/platform/vault.ts';
import { addServer } from '../../src/services/add-server.ts';
import { createAttemptLimits } from '../../src/services/limit-attempts.ts';
import { requireKnownSecrets, resealSecrets } from '../../src/services/reseal-secrets.ts';
import type { Runtime, Tenant } from '../../src/services/runtime.ts';
import { ensureSigningKeys } from '../../src/services/signing-keys.ts';
import { sealHeaders } from '../../src/services/sync-catalogue.ts';
import { createRateCounters } from '../../src/store/rate-limits.ts';
import { obtainTenant } from '../../src/store/tenants.ts';
import { type IssuerOptions, startIssuer, type TestIssuer } from '../support/issuer.ts';
import { connect, isActive, refresh, registerTestClient, type TestClient, type Tokens } from '../support/oauth-client.ts';
import { Browser, signInOn } from '../support/person.ts';
import { createTestRuntime, type TestRuntime } from '../support/runtime.ts';

let test: TestRuntime;
let other: Tenant;
let serverId: string;

const [first, second, third] = [randomToken(32), randomToken(32), randomToken(32)];
const sessionId = randomToken();

/** The same database, seen with other secrets. */
function withSecrets(current: string, ...previous: string[]): Runtime {
  return { ...test.runtime, vault: createVault({ current, previous }) };
}

beforeAll(async () => {
  test = await createTestRuntime();
  const runtime = withSecrets(first);
  other = { ...test.tenant, id: 'tnt_other' as TenantId, slug: 'other', issuer: 'http://localhost:4000/t/other', name: 'Other' };
  await obtainTenant(runtime.store, { ...other, createdAt: new Date() });
  for (const tenant of [test.tenant, other]) await ensureSigningKeys(runtime, tenant);
  const added = await addServer(runtime, other, {
    resource: 'https://tracker.example/mcp',
    name: 'Tracker',
    headers: { Authorization: 'Bearer upstream' },
    origin: { actorType: 'operator' },
  });
  if (!added.ok) throw new Error('no server');
  serverId = added.server.id;
  const sealedHeaders = sealHeaders(runtime, other, { Authorization: 'Bearer upstream' });
  await runtime.store.server.update({ where: { tenantId_id: { tenantId: other.id, id: serverId } }, data: { sealedHeaders } });
  const sealedId = runtime.vault.seal(sessionId, { purpose: 'artifact-id', tenantId: test.tenant.id });
  const session = { tenantId: test.tenant.id, model: 'Session', digest: sha256(sessionId), payload: {}, uid: 'uid', createdAt: new Date() };
  await runtime.store.artifact.create({ data: { ...session, sealedId } });
});
afterAll(() => test.end());

describe('TOOLGRANT_SECRET', () => {
  it('ABUSE-55: another secret without the previous one opens nothing, of whichever tenant: the issuer must not start', async () => {
    await expect(requireKnownSecrets(withSecrets(second))).rejects.toThrow(CannotDecrypt);
    await expect(ensureSigningKeys(withSecrets(second), test.tenant)).rejects.toThrow(CannotDecrypt);
  });

  it('with the previous one everything opens, and is sealed anew', async () => {
    const runtime = withSecrets(second, first);
    await expect(requireKnownSecrets(runtime)).resolves.toBeUndefined();
    const before = await ensureSigningKeys(runtime, test.tenant);
    // Two keys of each tenant, one server's headers, one session.
    expect(await resealSecrets(runtime)).toEqual({ resealed: 6, unopened: 0 });
    expect(await resealSecrets(runtime)).toEqual({ resealed: 0, unopened: 0 });
    expect((await ensureSigningKeys(runtime, test.tenant)).current.privateJwk).toEqual(before.current.privateJwk);
  });

  it('then the previous one is not needed any more', async () => {
    const runtime = withSecrets(second);
    await expect(requireKnownSecrets(runtime)).resolves.toBeUndefined();
    for (const tenant of [test.tenant, other]) await expect(ensureSigningKeys(runtime, tenant)).resolves.toBeDefined();
    const server = await runtime.store.server.findFirst({ where: { id: serverId } });
    expect(runtime.vault.open(server?.sealedHeaders ?? '', { purpose: 'server-headers', tenantId: other.id })).toContain('upstream');
    const session = await runtime.store.artifact.findFirst({ where: { model: 'Session' } });
    expect(runtime.vault.open(session?.sealedId ?? '', { purpose: 'artifact-id', tenantId: test.tenant.id })).toBe(sessionId);
  });

  it('what opens with neither is counted, left as it is, and keeps the issuer from starting', async () => {
    const runtime = withSecrets(third, first);
    expect(await resealSecrets(runtime)).toEqual({ resealed: 0, unopened: 6 });
    await expect(requireKnownSecrets(runtime)).rejects.toThrow(/TOOLGRANT_SECRET/);
    await expect(requireKnownSecrets(withSecrets(second))).resolves.toBeUndefined();
  });
});

describe('TOOLGRANT_SECRET, as people and agents see it', () => {
  it('ABUSE-28: on the way to another secret, and with that one alone, they stay signed in, known and connected', async () => {
    await using started = new AsyncDisposableStack();
    const start = async (options: IssuerOptions): Promise<TestIssuer> => {
      // Whoever repeats a refresh here does so within the grace window, however long the rest takes.
      const issuer = await startIssuer({ ...options, lifetimes: { refreshGraceSeconds: 600 } });
      started.defer(() => issuer.stop());
      return issuer;
    };
    // The three steps of `docs/operations.md`: the old one with the new one, the new one with the old one, the new one alone.
    const old = await start({ previousSecrets: [second] });
    const pool = createDatabasePool({ url: old.database.runtimeUrl });
    started.defer(() => pool.end());
    const limits = createAttemptLimits(createRateCounters(pool));
    const [person, server, client] = [await old.addPerson(), await old.addServer(), await registerTestClient(old)];
    const tokens = await connect(old, { client, person, server });
    const successor = await successorAt(old, client, tokens.refresh_token);

    const both = await start({ beside: { ...old, secret: second }, previousSecrets: [old.secret], app: { limits } });
    // Somebody guesses from many places, until the account is closed to browsers that were never signed in to it.
    let places = 0;
    const guess = () => limits.admitSignIn(both.tenant, { email: person.email, addressGroup: `192.0.2.${places}` });
    while ((await guess()).isAdmitted) places += 1;
    const signInAt = async (issuer: TestIssuer, known: Cookies) => {
      const browser = browserAt(issuer, known);
      const { status, text } = await signInOn(browser, await browser.get('/account'), person);
      return { browser, isSignedIn: status === 200 && text.includes('Connected agents'), status };
    };
    const isSignedInAt = async (issuer: TestIssuer, { cookies }: Browser) =>
      (await browserAt(issuer, [...cookies]).get('/account')).text.includes('Connected agents');
    const knownBefore = knownCookie(tokens.browser);
    expect(await signInAt(both, [])).toMatchObject({ isSignedIn: false, status: 429 });
    const known = await signInAt(both, knownBefore);
    expect(known.isSignedIn).toBe(true);
    expect(await isSignedInAt(both, tokens.browser)).toBe(true);
    expect(await successorAt(both, client, tokens.refresh_token)).toBe(successor);
    expect(await isActive(both, server, tokens.access_token)).toBe(true);
    const next = await successorAt(both, client, successor);
    expect(await isSignedInAt(old, known.browser)).toBe(true);
    expect(await successorAt(old, client, successor)).toBe(next);

    expect(await resealSecrets(both.runtime)).toMatchObject({ unopened: 0 });
    const alone = await start({ beside: { ...old, secret: second }, app: { limits } });
    expect(await isSignedInAt(alone, tokens.browser)).toBe(true);
    expect(await isSignedInAt(alone, known.browser)).toBe(true);
    expect(await isActive(alone, server, tokens.access_token)).toBe(true);
    expect(await successorAt(alone, client, successor)).toBe(next);
    expect((await refresh(alone, client, next)).status).toBe(200);
    // The cookie that the new secret sealed counts; of the one before it, nobody can tell any more whose it is.
    expect(await signInAt(alone, knownCookie(known.browser))).toMatchObject({ isSignedIn: true });
    expect(await signInAt(alone, knownBefore)).toMatchObject({ isSignedIn: false, status: 429 });
  });
});

type Cookies = [name: string, cookie: { value: string; path: string }][];

/** The same browser, led to an instance by a balancer. */
function browserAt({ origin }: TestIssuer, cookies: Cookies): Browser {
  const browser = new Browser(origin);
  for (const [name, cookie] of cookies) browser.cookies.set(name, cookie);
  return browser;
}

/** What says that somebody has signed in to her account there before, and nothing else. */
function knownCookie({ cookies }: Browser): Cookies {
  const known = [...cookies].filter(([name]) => name.startsWith('toolgrant-known-'));
  if (known.length !== 1) throw new Error(`${known.length} cookies of a known browser`);
  return known;
}

async function successorAt(issuer: TestIssuer, client: TestClient, token: string): Promise<string> {
  const answer = await refresh(issuer, client, token);
  if (answer.status !== 200) throw new Error(`no tokens: ${answer.status} ${answer.text}`);
  return answer.json<Tokens>().refresh_token;
}
