/** What an administrator lets people allow: at consent, in tokens on both ways, on all instances, and when it changes afterwards. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ClientId } from '../../src/domain/ids.ts';
import type { WrittenRule } from '../../src/domain/policy-form.ts';
import { sha256 } from '../../src/platform/digest.ts';
import { unverifyClient, verifyClient } from '../../src/services/judge-client.ts';
import { prepareTokenRequest, settlePreparedRequest } from '../../src/services/prepare-token-request.ts';
import { resumePolicySweeps } from '../../src/services/sweep-policy.ts';
import { findTokenTerms } from '../../src/services/token-terms.ts';
import { findTokenRequestFacts } from '../../src/store/hot/token-request.ts';
import { query } from '../support/database-holder.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { makeApiKey } from '../support/machine.ts';
import { moveTime } from '../support/moved-time.ts';
import {
  type AuthorizeOptions,
  authorize,
  basic,
  changeRegistration,
  claimsOf,
  connect,
  isActive,
  postForm,
  redeem,
  refresh,
  registerTestClient,
  type TestClient,
  type Tokens,
} from '../support/oauth-client.ts';
import { letPeopleDecide, makeGroup, moveMembers, putInForce } from '../support/policy.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer();
});
afterEach(() => putInForce(issuer, letPeopleDecide));
afterAll(() => issuer.stop());

const all = ['list_issues', 'create_issue', 'delete_issue'];
const wide = 'tool:create_issue tool:delete_issue tool:list_issues';
const noDeletes: WrittenRule = { name: 'no-deletes', effect: 'deny', tools: [{ risk: 'destructive' }] };

const connectWidely = (client: TestClient, options: Partial<AuthorizeOptions> = {}) =>
  connect(issuer, { client, person, server, decision: { tools: all }, ...options });

async function next(client: TestClient, tokens: Tokens): Promise<Tokens> {
  const response = await refresh(issuer, client, tokens.refresh_token);
  if (response.status !== 200) throw new Error(response.text);
  return response.json<Tokens>();
}

async function lastIssue(client: TestClient) {
  const sql = `SELECT detail FROM audit_events WHERE type = 'token.issued' AND client_id = '${client.clientId}' ORDER BY at DESC, id DESC LIMIT 1`;
  return (await query(issuer.database.ownerUrl, sql))[0]?.['detail'];
}

describe('a tool that no rule allows, or that one denies', () => {
  it('ABUSE-38: is not granted by a form that ticks it', async () => {
    await putInForce(issuer, letPeopleDecide, noDeletes);
    expect((await connectWidely(await registerTestClient(issuer))).scope).toBe('tool:create_issue tool:list_issues');
    await putInForce(issuer, { name: 'readers', effect: 'allow', tools: ['list_*'] });
    expect((await connectWidely(await registerTestClient(issuer))).scope).toBe('tool:list_issues');
  });

  it('ABUSE-61: leaves tokens that were made before: they end at once, come back narrower with rule and reason, and wider when it may be again', async () => {
    const client = await registerTestClient(issuer);
    const tokens = await connectWidely(client);
    expect(tokens.scope).toBe(wide);
    await putInForce(issuer, letPeopleDecide, noDeletes);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);

    const narrow = await next(client, tokens);
    expect(narrow.scope).toBe('tool:create_issue tool:list_issues');
    expect(await isActive(issuer, server, narrow.access_token)).toBe(true);
    const left = { name: 'delete_issue', reason: 'denied-by-policy', rule: 'no-deletes' };
    expect(await lastIssue(client)).toMatchObject({ tools: 2, leftOut: { count: 1, tools: [left] } });

    await putInForce(issuer, letPeopleDecide);
    expect(await isActive(issuer, server, narrow.access_token)).toBe(false);
    expect((await next(client, narrow)).scope).toBe(wide);
  });

  it('ABUSE-61: takes resources and prompts along', async () => {
    const client = await registerTestClient(issuer);
    const decision = { tools: ['list_issues'], resources: true, prompts: true };
    const tokens = await connect(issuer, { client, person, server, scope: 'tools resources prompts', decision });
    expect(tokens.scope).toBe('tool:list_issues resources prompts');
    await putInForce(issuer, { name: 'readers', effect: 'allow', tools: [{ risk: 'read' }], prompts: true });
    expect((await next(client, tokens)).scope).toBe('tool:list_issues prompts');
  });

  it('leaves alone whom the changed rule is not for', async () => {
    const [client, other] = [await registerTestClient(issuer), await issuer.addServer()];
    const tokens = await connectWidely(client);
    await putInForce(issuer, letPeopleDecide, { ...noDeletes, servers: [other.resource] });
    expect(await isActive(issuer, server, tokens.access_token)).toBe(true);
    await putInForce(issuer, { ...letPeopleDecide, name: 'of-another-name', groups: ['everyone'] });
    expect(await isActive(issuer, server, tokens.access_token)).toBe(true);
  });

  it('when nothing is left, a refresh still succeeds, with nothing in it', async () => {
    const client = await registerTestClient(issuer);
    const tokens = await connectWidely(client);
    await putInForce(issuer);
    expect((await next(client, tokens)).scope).toBe('');
    expect(await lastIssue(client)).toMatchObject({ tools: 0, leftOut: { count: 3 } });
  });
});

describe('rules about clients', () => {
  it('those for verified clients follow a verification, and its end', async () => {
    const client = await registerTestClient(issuer);
    const about = { clientId: client.clientId as ClientId, origin: { actorType: 'operator' } as const };
    await putInForce(issuer, letPeopleDecide, { ...noDeletes, clients: [{ verified: false }] });
    await verifyClient(issuer.runtime, issuer.tenant, about);
    const tokens = await connectWidely(client);
    expect(tokens.scope).toBe(wide);
    await unverifyClient(issuer.runtime, issuer.tenant, about);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    expect((await next(client, tokens)).scope).toBe('tool:create_issue tool:list_issues');
  });

  it('ABUSE-61: what a request read of a client is what it is judged by, and remembered for: a verification meanwhile leaves nothing behind', async () => {
    const client = await registerTestClient(issuer);
    const about = { clientId: client.clientId as ClientId, origin: { actorType: 'operator' } as const };
    const tokens = await connectWidely(client);
    await putInForce(issuer, letPeopleDecide, { ...noDeletes, clients: [{ verified: false }] });
    const key = { model: 'RefreshToken', digest: sha256(tokens.refresh_token) } as const;
    const facts = await findTokenRequestFacts(issuer.runtime.store, issuer.tenant.id, key);
    if (!facts) throw new Error('the token is not good');
    await verifyClient(issuer.runtime, issuer.tenant, about);
    const narrow = 'tool:create_issue tool:list_issues';
    expect((await findTokenTerms(issuer.runtime, issuer.tenant, facts))?.scope).toBe(narrow);
    await unverifyClient(issuer.runtime, issuer.tenant, about);
    expect((await next(client, tokens)).scope).toBe(narrow);
  });

  it('ABUSE-61: those for a host end when the client sends its answers elsewhere', async () => {
    const client = await registerTestClient(issuer, { redirect_uris: ['https://agent.example/callback'] });
    await putInForce(issuer, { ...letPeopleDecide, clients: [{ host: 'agent.example' }] });
    const tokens = await connectWidely(client);
    expect(tokens.scope).toBe(wide);
    const redirectUris = ['https://agent.example/callback', 'https://elsewhere.example/callback'];
    expect((await changeRegistration(issuer, client, { redirect_uris: redirectUris })).status).toBe(200);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    expect((await next(client, tokens)).scope).toBe('');
  });
});

describe('rules for groups', () => {
  it('ABUSE-61: who leaves a group loses what it gives, within the same second; who joins gains it', async () => {
    await makeGroup(issuer, 'engineering', person);
    await putInForce(
      issuer,
      { ...letPeopleDecide, tools: [{ risk: 'read' }] },
      { name: 'engineers', effect: 'allow', groups: ['engineering'] },
    );
    const client = await registerTestClient(issuer);
    const tokens = await connectWidely(client);
    expect(tokens.scope).toBe(wide);
    await moveMembers(issuer, 'engineering', { remove: [person] });
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    const narrow = await next(client, tokens);
    expect(narrow.scope).toBe('tool:list_issues');
    await moveMembers(issuer, 'engineering', { add: [person] });
    expect(await isActive(issuer, server, narrow.access_token)).toBe(false);
    expect((await next(client, narrow)).scope).toBe(wide);
  });

  it('a change of members leaves the tokens of everybody else', async () => {
    await makeGroup(issuer, 'sales');
    const client = await registerTestClient(issuer);
    const tokens = await connectWidely(client);
    await moveMembers(issuer, 'sales', { add: [await issuer.addPerson()] });
    expect(await isActive(issuer, server, tokens.access_token)).toBe(true);
  });
});

describe('limits of time', () => {
  const hour: WrittenRule = { name: 'deletes-for-an-hour', effect: 'allow', tools: [{ risk: 'destructive' }], 'for-at-most': '1h' };
  const rest: WrittenRule = { name: 'rest', effect: 'allow', tools: [{ risk: 'read' }, { risk: 'write' }] };

  it('a tool ends when its rule says, and no token outlives it', async () => {
    await putInForce(issuer, hour, rest);
    const client = await registerTestClient(issuer);
    const tokens = await connectWidely(client);
    expect(tokens.scope).toBe(wide);
    const time = moveTime();
    try {
      time.forward(3_600 - 300);
      const late = await next(client, tokens);
      expect(late.scope).toBe(wide);
      const { iat, exp } = claimsOf(late.access_token);
      expect(Number(exp) - Number(iat)).toBeLessThanOrEqual(300);
      time.forward(250);
      const over = await next(client, late);
      expect(over.scope).toBe('tool:create_issue tool:list_issues');
      expect(await lastIssue(client)).toMatchObject({ leftOut: { tools: [{ name: 'delete_issue', reason: 'tool-expired' }] } });
    } finally {
      time.restore();
    }
  });

  it('a limit that comes afterwards counts from the decision; one that goes gives no more time than the page said', async () => {
    const client = await registerTestClient(issuer);
    const tokens = await connectWidely(client);
    const time = moveTime();
    try {
      time.forward(3_600);
      await putInForce(issuer, hour, rest);
      const narrow = await next(client, tokens);
      expect(narrow.scope).toBe('tool:create_issue tool:list_issues');
      const left = { name: 'delete_issue', reason: 'policy-time-over', rule: 'deletes-for-an-hour' };
      expect(await lastIssue(client)).toMatchObject({ leftOut: { tools: [left] } });
    } finally {
      time.restore();
    }
    const second = await registerTestClient(issuer);
    await putInForce(issuer, hour, rest);
    const bounded = await connectWidely(second);
    const later = moveTime();
    try {
      later.forward(3_601);
      await putInForce(issuer, letPeopleDecide);
      expect((await next(second, bounded)).scope).toBe('tool:create_issue tool:list_issues');
    } finally {
      later.restore();
    }
  });
});

describe('two that act at once', () => {
  it('ABUSE-84: the short way writes nothing when policy or groups changed after it had read, whether an index stood or not', async () => {
    await makeGroup(issuer, 'racers', person);
    const wider: WrittenRule = { name: 'racers', effect: 'allow', groups: ['racers'] };
    const changes = [
      () => putInForce(issuer, { ...letPeopleDecide, tools: ['list_*'] }),
      () => moveMembers(issuer, 'racers', { remove: [person] }),
    ];
    for (const change of changes) {
      for (const takesIndex of [false, true]) {
        await putInForce(issuer, { ...letPeopleDecide, tools: ['list_*'] }, wider);
        await moveMembers(issuer, 'racers', { add: [person] });
        const client = await registerTestClient(issuer);
        const tokens = await connectWidely(client);
        // An index that is gone is taken anew by the next token.
        if (takesIndex) await moveMembers(issuer, 'racers', { remove: [person] });
        if (takesIndex) await moveMembers(issuer, 'racers', { add: [person] });
        const presented = { model: 'RefreshToken' as const, digest: sha256(tokens.refresh_token) };
        const prepared = await prepareTokenRequest(issuer.runtime, issuer.tenant, presented);
        if (!prepared) throw new Error('the request was not plain');
        expect(prepared.access.scope).toBe(wide);
        expect(prepared.newStatus !== undefined).toBe(takesIndex);
        await change();
        expect(await settlePreparedRequest(issuer.runtime, issuer.tenant, { prepared, origin: { actorType: 'client' } })).toBe(false);
        expect((await prepareTokenRequest(issuer.runtime, issuer.tenant, presented))?.access.scope).toBe('tool:list_issues');
      }
    }
  });

  it.each(['a refresh', 'a code that is redeemed'])(
    'ABUSE-61: %s never leaves a live token with what was denied meanwhile',
    async (what) => {
      const client = await registerTestClient(issuer);
      const authorized = { client, person, server, decision: { tools: all } };
      const { browser, refresh_token: first } = await connect(issuer, authorized);
      let refreshToken = first;
      for (let round = 0; round < 8; round += 1) {
        await putInForce(issuer, letPeopleDecide);
        const code = what === 'a refresh' ? undefined : await authorize(issuer, { ...authorized, browser });
        const ask = () => (code ? redeem(issuer, client, code) : refresh(issuer, client, refreshToken));
        const [answer] = await Promise.all([ask(), putInForce(issuer, letPeopleDecide, noDeletes)]);
        const tokens = answer.json<Tokens>();
        if (String(tokens.scope).includes('tool:delete_issue')) expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
        const following = await next(client, tokens);
        expect([following.scope, await isActive(issuer, server, following.access_token)]).toEqual([
          'tool:create_issue tool:list_issues',
          true,
        ]);
        refreshToken = following.refresh_token;
      }
    },
  );

  it('the long way sees it too', async () => {
    const client = await registerTestClient(issuer);
    const tokens = await connectWidely(client);
    await putInForce(issuer, letPeopleDecide, noDeletes);
    const first = await refresh(issuer, client, tokens.refresh_token);
    // A repeat inside the grace window never goes the short way.
    const repeat = await refresh(issuer, client, tokens.refresh_token);
    expect([first.json<Tokens>().scope, repeat.json<Tokens>().scope]).toEqual(Array(2).fill('tool:create_issue tool:list_issues'));
  });

  it('ABUSE-84: another instance goes by it at once', async () => {
    const beside = await startIssuer({ beside: issuer });
    try {
      const client = await registerTestClient(issuer);
      const tokens = await connect(beside, { client, person, server, decision: { tools: all } });
      expect((await refresh(beside, client, tokens.refresh_token)).json<Tokens>().scope).toBe(wide);
      const again = await connect(beside, { client, person, server, decision: { tools: all } });
      await putInForce(issuer, letPeopleDecide, noDeletes);
      expect(await isActive(beside, server, again.access_token)).toBe(false);
      expect((await refresh(beside, client, again.refresh_token)).json<Tokens>().scope).toBe('tool:create_issue tool:list_issues');
      const fresh = await connect(beside, { client: await registerTestClient(issuer), person, server, decision: { tools: all } });
      expect(fresh.scope).toBe('tool:create_issue tool:list_issues');
    } finally {
      await beside.stop();
    }
  });

  it('ABUSE-61: what an interrupted change left to do, clean-up does; two changes in a row miss nothing', async () => {
    const client = await registerTestClient(issuer);
    const before = await connectWidely(client);
    const { ownerUrl } = issuer.database;
    const begin = 'INSERT INTO policy_sweeps (tenant_id, from_revision, begun_at) SELECT id, policy_revision, now() FROM tenants';
    // As it stands after a commit whose process was killed right then: wider, then as it was.
    await query(ownerUrl, begin);
    const [row] = await query(ownerUrl, "SELECT policy_revision AS revision FROM tenants WHERE id = 'root'");
    const revision = Number(row?.['revision']);
    const readers = JSON.stringify([{ name: 'readers', effect: 'allow', tools: ['list_*'] }]);
    await query(
      ownerUrl,
      `INSERT INTO policies (tenant_id, revision, rules, created_at) VALUES ('root', ${revision + 1}, '${readers}', now())`,
    );
    await query(ownerUrl, `UPDATE tenants SET policy_revision = ${revision + 1} WHERE id = 'root'`);
    expect((await next(client, before)).scope).toBe('tool:list_issues');
    const [, still] = [await resumePolicySweeps(issuer.runtime), await resumePolicySweeps(issuer.runtime)];
    expect(still).toBe(0);
    expect(await isActive(issuer, server, before.access_token)).toBe(false);
  });
});

describe('API keys', () => {
  const introspect = async (secret: string) =>
    (await postForm(issuer, '/introspect', { token: secret }, basic(server.serverId, server.credential))).json<{ scope?: string }>().scope;

  it('ABUSE-61: a key of a person follows the rules for her, at once; one of a service account does not', async () => {
    await makeGroup(issuer, 'makers', person);
    const hers = await makeApiKey(issuer, { server, tools: all, owner: { userId: person.userId } });
    const machine = await makeApiKey(issuer, { server, tools: all });
    expect([await introspect(hers.secret), await introspect(machine.secret)]).toEqual([wide, wide]);
    await putInForce(issuer, { ...letPeopleDecide, tools: ['list_*'] }, { name: 'makers', effect: 'allow', groups: ['makers'] });
    expect([await introspect(hers.secret), await introspect(machine.secret)]).toEqual([wide, wide]);
    await moveMembers(issuer, 'makers', { remove: [person] });
    expect([await introspect(hers.secret), await introspect(machine.secret)]).toEqual(['tool:list_issues', wide]);
    await putInForce(issuer, letPeopleDecide, { name: 'no-keys', effect: 'deny', clients: [{ kind: 'api-key' }] });
    expect([await introspect(hers.secret), await introspect(machine.secret)]).toEqual(['', wide]);
  });

  it('a limit of time counts from when the key was made', async () => {
    const hers = await makeApiKey(issuer, { server, tools: all, owner: { userId: person.userId } });
    await putInForce(issuer, { ...letPeopleDecide, 'for-at-most': '1h' });
    expect(await introspect(hers.secret)).toBe(wide);
    const time = moveTime();
    time.forward(3_601);
    try {
      expect(await introspect(hers.secret)).toBe('');
    } finally {
      time.restore();
    }
  });
});

describe('a policy that cannot be read', () => {
  it('lets nothing be used, and says so in the log, until it is set anew', async () => {
    const client = await registerTestClient(issuer);
    const tokens = await connectWidely(client);
    const rules = JSON.stringify([{ name: 'of-tomorrow', effect: 'ask' }]);
    await query(
      issuer.database.ownerUrl,
      `WITH next AS (UPDATE tenants SET policy_revision = policy_revision + 1 WHERE id = 'root' RETURNING policy_revision)
       INSERT INTO policies (tenant_id, revision, rules, created_at) SELECT 'root', policy_revision, '${rules}', now() FROM next`,
    );
    const closed = await next(client, tokens);
    expect(closed.scope).toBe('');
    expect(issuer.log.some((line) => line.includes('the policy cannot be read by this version'))).toBe(true);
    await putInForce(issuer, letPeopleDecide);
    expect((await next(client, closed)).scope).toBe(wide);
  });
});
