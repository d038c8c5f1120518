/** Token requests of one turn share their statements; what holds for each must not depend on who else was in it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sha256 } from '../../src/platform/digest.ts';
import { findTokenRequestFacts, type TokenRequestFacts } from '../../src/store/hot/token-request.ts';
import { settleTokenRequest } from '../../src/store/hot/token-settlement.ts';
import { statusListLength } from '../../src/store/status.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import {
  type Authorized,
  authorize,
  claimsOf,
  connect,
  isActive,
  redeem,
  refresh,
  registerTestClient,
  type TestClient,
  type Tokens,
} from '../support/oauth-client.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;
let client: TestClient;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer();
  client = await registerTestClient(issuer);
});
afterAll(() => issuer.stop());

async function several<T>(count: number, make: () => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  for (let n = 0; n < count; n += 1) made.push(await make());
  return made;
}

const connectOne = () => connect(issuer, { client, person, server });
const authorizeOne = () => authorize(issuer, { client, person, server });

function statusOf({ access_token: token }: Pick<Tokens, 'access_token'>): { idx: number; uri: string } {
  return (claimsOf(token).status as { status_list: { idx: number; uri: string } }).status_list;
}

async function redeemAll(codes: readonly Authorized[]): Promise<Tokens[]> {
  const answers = await Promise.all(codes.map((code) => redeem(issuer, client, code)));
  expect(answers.map(({ status }) => status)).toEqual(codes.map(() => 200));
  return answers.map((answer) => answer.json<Tokens>());
}

function factsOf(token: string): Promise<TokenRequestFacts | undefined> {
  return findTokenRequestFacts(issuer.runtime.store, issuer.tenant.id, { model: 'RefreshToken', digest: sha256(token) });
}

function settle(facts: TokenRequestFacts | undefined, detail: Record<string, unknown> = {}): Promise<boolean> {
  if (!facts) throw new Error('the token is not good');
  const event = { actorType: 'client', detail } as const;
  return settleTokenRequest(issuer.runtime.store, issuer.tenant.id, { facts, event, at: new Date() });
}

describe('token requests at once', () => {
  it('ENG-1: each gets tokens of its own, and one whose token is used is refused alone', async () => {
    const families = await several(6, connectOne);
    const [used, ...good] = families.map(({ refresh_token: token }) => token) as [string, ...string[]];
    await issuer.runtime.store.artifact.updateMany({ where: { digest: sha256(used) }, data: { consumedAt: new Date(0) } });
    const [refused, ...answers] = await Promise.all([used, ...good].map((token) => refresh(issuer, client, token)));
    expect(refused?.json()).toMatchObject({ error: 'invalid_grant' });
    expect(answers.map(({ status }) => status)).toEqual(good.map(() => 200));
    const tokens = answers.map((answer) => answer.json<Tokens>());
    expect(new Set(tokens.map(({ refresh_token: token }) => token)).size).toBe(good.length);
    for (const [place, token] of tokens.entries()) {
      expect(statusOf(token)).toEqual(statusOf(families[place + 1] as Tokens));
      expect(await isActive(issuer, server, token.access_token)).toBe(true);
    }
    const events = await issuer.runtime.store.auditEvent.findMany({
      orderBy: { at: 'desc' },
      where: { type: 'token.issued' },
      take: good.length,
    });
    expect(new Set(events.map(({ installationId }) => installationId)).size).toBe(good.length);
  });

  it('nobody waits for a row that somebody holds of another’s installation', async () => {
    const { store } = issuer.runtime;
    const families = await several(3, connectOne);
    const facts = await Promise.all(families.map(({ refresh_token: token }) => factsOf(token)));
    const free = Promise.withResolvers<void>();
    const locked = Promise.withResolvers<void>();
    const holding = store.$transaction(async (db) => {
      await db.$queryRaw`SELECT 1 FROM installations WHERE id = ${facts[0]?.installation.id} FOR UPDATE`;
      locked.resolve();
      await free.promise;
    });
    await locked.promise;
    expect(await Promise.all(facts.map((one) => settle(one)))).toEqual([false, true, true]);
    // The request itself goes the long way, where it waits.
    const waiting = refresh(issuer, client, families[0]?.refresh_token ?? '');
    expect(await isActive(issuer, server, families[0]?.access_token ?? '')).toBe(true);
    free.resolve();
    await holding;
    expect((await waiting).status).toBe(200);
  });

  it('ENG-1: of two that present the same, one settles', async () => {
    const facts = await factsOf((await connectOne()).refresh_token);
    expect((await Promise.all([settle(facts), settle(facts)])).sort()).toEqual([false, true]);
    expect(await settle(facts)).toBe(false);
  });

  it('what the database refuses of one is undone for that one alone', async () => {
    const facts = await Promise.all((await several(3, connectOne)).map(({ refresh_token: token }) => factsOf(token)));
    const [first, second, third] = await Promise.allSettled([settle(facts[0]), settle(facts[1], { text: '\0' }), settle(facts[2])]);
    expect([first, third]).toMatchObject([{ value: true }, { value: true }]);
    expect(second).toMatchObject({ status: 'rejected', reason: { code: '22P05' } });
    expect(await settle(facts[1])).toBe(true);
  });

  it('settles nothing whose consent somebody is changing where an index is to be taken', async () => {
    const { store } = issuer.runtime;
    const code = await authorizeOne();
    const facts = await findTokenRequestFacts(store, issuer.tenant.id, { model: 'AuthorizationCode', digest: sha256(code.code) });
    expect(facts?.installation.freeStatus).toBeDefined();
    await store.$transaction(async (db) => {
      await db.$queryRaw`SELECT 1 FROM consents WHERE id = ${facts?.consent.id} FOR UPDATE`;
      const event = { actorType: 'client' } as const;
      const newStatus = facts?.installation.freeStatus as { list: number; index: number };
      const change = { facts: facts as TokenRequestFacts, newStatus, event, at: new Date() };
      expect(await settleTokenRequest(store, issuer.tenant.id, change)).toBe(false);
    });
    expect((await redeem(issuer, client, code)).status).toBe(200);
  });
});

describe('indices of the status list', () => {
  const useUp = (list: number) => issuer.runtime.store.$executeRaw`
    INSERT INTO status_entries (tenant_id, list, index, installation_id, assigned_at)
    SELECT ${issuer.tenant.id}, ${list}, index, 'ins_other', now() FROM generate_series(0, ${statusListLength - 1}::int) AS index ON CONFLICT DO NOTHING`;

  it('of installations that begin at once are different, and of the list that gives out indices', async () => {
    const { store } = issuer.runtime;
    const tokens = await redeemAll(await several(6, authorizeOne));
    expect(new Set(tokens.map((token) => statusOf(token).idx)).size).toBe(tokens.length);
    // There may be newer lists than the one that indices are drawn from.
    await store.tenant.update({ where: { id: issuer.tenant.id }, data: { statusLists: 3, drawnList: 1 } });
    for (const token of await redeemAll(await several(3, authorizeOne))) expect(statusOf(token).uri).toBe(`${issuer.url}/status/1`);
  });

  it('are drawn until one is free, and from another list when none is', async () => {
    const { store } = issuer.runtime;
    const where = { id: issuer.tenant.id };
    await store.tenant.update({ where, data: { statusLists: 3, drawnList: 2 } });
    await useUp(2);
    const [freed] = await store.$queryRaw<{ index: number }[]>`
      SELECT count(*)::int AS index FROM status_entries WHERE tenant_id = ${issuer.tenant.id} AND list = 2`;
    expect(freed?.index).toBe(statusListLength);
    for (const token of await redeemAll(await several(3, authorizeOne))) expect(statusOf(token).uri).not.toBe(`${issuer.url}/status/2`);
    const { drawnList } = await store.tenant.findUniqueOrThrow({ where });
    expect(drawnList).not.toBe(2);
    // Half of a list in use: a draw of eight finds a free one.
    await store.tenant.update({ where, data: { drawnList: 2 } });
    await store.$executeRaw`DELETE FROM status_entries WHERE tenant_id = ${issuer.tenant.id} AND list = 2 AND index % 2 = 0`;
    const facts = [];
    for (const { code } of await several(6, authorizeOne))
      facts.push(await findTokenRequestFacts(store, issuer.tenant.id, { model: 'AuthorizationCode', digest: sha256(code) }));
    const drawn = facts.flatMap((one) => one?.installation.freeStatus ?? []);
    expect(drawn).not.toHaveLength(0);
    for (const { index } of drawn) expect(index % 2).toBe(0);
  });
});
