/** Clients that become others than those that were judged: what was waited out, or checked, was about the one before. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ClientId } from '../../src/domain/ids.ts';
import { sha256 } from '../../src/platform/digest.ts';
import { quarantineClient, verifyClient } from '../../src/services/judge-client.ts';
import { listClients } from '../../src/services/list-clients.ts';
import { prepareTokenRequest, settlePreparedRequest } from '../../src/services/prepare-token-request.ts';
import { makeClientKey } from '../support/client-assertion.ts';
import { query } from '../support/database-holder.ts';
import { type DocumentHost, startDocumentHost } from '../support/document-host.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { type MovedTime, moveTime } from '../support/moved-time.ts';
import { changeRegistration, connect, isActive, refresh, registerTestClient, type Tokens } from '../support/oauth-client.ts';
import { Browser, signInOn } from '../support/person.ts';
import { type AskingClient, publishClient, requestOf, visit } from '../support/published-client.ts';

let host: DocumentHost;
let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;
let time: MovedTime;

beforeAll(async () => {
  host = await startDocumentHost();
  issuer = await startIssuer({ strangers: host.fetch });
  person = await issuer.addPerson();
  server = await issuer.addServer();
});
afterAll(async () => {
  await issuer.stop();
  await host.close();
});
beforeEach(() => {
  time = moveTime();
});
afterEach(async () => {
  time.restore();
  await issuer.set({ quarantine: 'off' });
});

const day = 86_400;
const all = ['list_issues', 'create_issue', 'delete_issue'];
const wide = 'tool:create_issue tool:delete_issue tool:list_issues';
const narrow = 'tool:list_issues';

/** A client, and a way for it to say something else of itself; from when that returns, the issuer knows. */
interface Changing {
  client: AskingClient;
  /** Members of its metadata, on top of what it said at first. */
  change(members: Record<string, unknown>): Promise<void>;
}

async function registered(metadata: Record<string, unknown> = {}): Promise<Changing> {
  const client = await registerTestClient(issuer, metadata);
  const change = async (members: Record<string, unknown>) => {
    expect((await changeRegistration(issuer, client, members)).status).toBe(200);
  };
  return { client, change };
}

async function published(metadata: Record<string, unknown> = {}): Promise<Changing> {
  const { client: asking, change } = publishClient(host, metadata);
  const [redirectUri = asking.redirectUri] = (metadata['redirect_uris'] as string[] | undefined) ?? [];
  const client = { ...asking, redirectUri };
  const ask = async () => {
    expect((await new Browser(issuer.origin).get(requestOf(issuer, client, server))).status).toBeLessThan(400);
  };
  await ask();
  return {
    client,
    change: async (members) => {
      // The copy that is there is used up first.
      time.forward(day);
      change(members);
      await ask();
    },
  };
}

const ways: [way: string, make: (metadata?: Record<string, unknown>) => Promise<Changing>][] = [
  ['by its registration (RFC 7592)', registered],
  ['by its document', published],
];

const key = await makeClientKey();
const other = await makeClientKey();
const proof = { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key.publicJwk] } };
const redirects = (client: AskingClient) => [client.redirectUri, 'https://elsewhere.example/cb'];

/** Whether its consent page says that it may only read. */
async function isHeld(client: AskingClient): Promise<boolean> {
  const browser = new Browser(issuer.origin);
  const page = await signInOn(browser, await visit(browser, requestOf(issuer, client, server)), person);
  expect(page.status).toBe(200);
  return page.text.includes('may only read for now');
}

async function scopeAfterRefresh(client: AskingClient, tokens: Tokens): Promise<{ scope: string; tokens: Tokens }> {
  const response = await refresh(issuer, client, tokens.refresh_token);
  expect(response.status).toBe(200);
  return { scope: response.json<Tokens>().scope, tokens: response.json<Tokens>() };
}

const about = ({ client }: Changing) => ({ clientId: client.clientId as ClientId, origin: { actorType: 'operator' } as const });
const verify = (it: Changing) => verifyClient(issuer.runtime, issuer.tenant, about(it));

async function rowOf({ client }: Changing): Promise<Record<string, unknown>> {
  const [row] = await query(
    issuer.database.ownerUrl,
    `SELECT verified_at, identity_changed_at FROM clients WHERE id = '${client.clientId}'`,
  );
  return row ?? {};
}

const eventsOf = ({ client }: Changing, type: string) =>
  query(
    issuer.database.ownerUrl,
    `SELECT detail FROM audit_events WHERE type = '${type}' AND client_id = '${client.clientId}' ORDER BY at, id`,
  );

describe.each(ways)('ABUSE-17, ABUSE-61: a quarantine that was waited out, and a client that becomes another one %s', (_, make) => {
  it.each([
    ['its name', {}, () => ({ client_name: 'Claude' })],
    ['where its answers go', {}, (client: AskingClient) => ({ redirect_uris: redirects(client) })],
    ['its keys', proof, () => ({ jwks: { keys: [other.publicJwk] } })],
    ['how it proves who it is', {}, () => proof],
  ])('%s: the quarantine begins anew', async (_what, metadata, changed) => {
    await issuer.set({ quarantine: '7d' });
    const it = await make(metadata);
    expect(await isHeld(it.client)).toBe(true);
    time.forward(7 * day);
    expect(await isHeld(it.client)).toBe(false);
    await it.change(changed(it.client));
    expect(await isHeld(it.client)).toBe(true);
    time.forward(6 * day);
    expect(await isHeld(it.client)).toBe(true);
    time.forward(day);
    expect(await isHeld(it.client)).toBe(false);
  });

  it('its tokens end at once, come back narrower, and wider when the time is over; the audit trail says why', async () => {
    await issuer.set({ quarantine: '7d' });
    const it = await make();
    time.forward(7 * day);
    const tokens = await connect(issuer, { client: it.client, person, server, decision: { tools: all } });
    expect(tokens.scope).toBe(wide);
    await it.change({ client_name: 'Claude' });
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    const held = await scopeAfterRefresh(it.client, tokens);
    expect(held.scope).toBe(narrow);
    const [event, ...others] = await eventsOf(it, 'client.quarantined');
    expect(others).toEqual([]);
    const until = new Date(Date.now() + 7 * day * 1_000).toISOString().slice(0, 13);
    expect(event?.['detail']).toEqual({ reason: 'metadata-changed', until: expect.stringContaining(until) });
    const listed = await listClients(issuer.runtime, issuer.tenant, {
      filter: { inQuarantine: { setting: { seconds: 7 * day }, now: new Date() } },
    });
    expect(listed.map(({ id }) => id)).toContain(it.client.clientId);
    time.forward(7 * day);
    expect((await scopeAfterRefresh(it.client, held.tokens)).scope).toBe(wide);
  });

  it('a change and back again is two changes: what the first one began goes on', async () => {
    await issuer.set({ quarantine: '7d' });
    const it = await make();
    time.forward(7 * day);
    await it.change({ client_name: 'Claude' });
    await it.change({});
    expect(await isHeld(it.client)).toBe(true);
    time.forward(6 * day);
    expect(await isHeld(it.client)).toBe(true);
  });

  it('a change of nothing that it is judged by begins nothing and ends nothing', async () => {
    await issuer.set({ quarantine: '7d' });
    const [a, b] = ['https://a.example/cb', 'https://b.example/cb'];
    const it = await make({ redirect_uris: [a, b], ...proof, jwks: { keys: [key.publicJwk, other.publicJwk] } });
    time.forward(7 * day);
    await it.change({});
    await it.change({ client_uri: 'https://a.example', logo_uri: 'https://a.example/logo', grant_types: ['authorization_code'] });
    await it.change({ redirect_uris: [b, a], jwks: { keys: [other.publicJwk, key.publicJwk] } });
    expect(await isHeld(it.client)).toBe(false);
    expect((await rowOf(it))['identity_changed_at']).toBeNull();
    expect(await eventsOf(it, 'client.quarantined')).toEqual([]);
  });

  it('one that an administrator put there for a while begins anew too, whatever the setting of the tenant', async () => {
    const it = await make();
    await quarantineClient(issuer.runtime, issuer.tenant, { ...about(it), seconds: 2 * day });
    time.forward(2 * day);
    expect(await isHeld(it.client)).toBe(false);
    await it.change({ client_name: 'Claude' });
    expect(await isHeld(it.client)).toBe(true);
    time.forward(2 * day);
    expect(await isHeld(it.client)).toBe(false);
  });

  it('ABUSE-84: no token is written with terms that were read before the change', async () => {
    await issuer.set({ quarantine: '7d' });
    const it = await make();
    time.forward(7 * day);
    const tokens = await connect(issuer, { client: it.client, person, server, decision: { tools: all } });
    // Its index is gone, so that the next token takes one: that the others are swept is no hindrance to it.
    await issuer.set({ quarantine: '6d' });
    const presented = { model: 'RefreshToken' as const, digest: sha256(tokens.refresh_token) };
    const prepared = await prepareTokenRequest(issuer.runtime, issuer.tenant, presented);
    if (!prepared) throw new Error('the request was not plain');
    expect([prepared.access.scope, prepared.newStatus !== undefined]).toEqual([wide, true]);
    await it.change({ client_name: 'Claude' });
    expect(await settlePreparedRequest(issuer.runtime, issuer.tenant, { prepared, origin: { actorType: 'client' } })).toBe(false);
    expect((await prepareTokenRequest(issuer.runtime, issuer.tenant, presented))?.access.scope).toBe(narrow);
  });
});

describe.each(ways)('a verification of a client that becomes another one %s', (_, make) => {
  it.each([
    ['its name', {}, () => ({ client_name: 'Claude' }), true],
    ['where its answers go', {}, (client: AskingClient) => ({ redirect_uris: redirects(client) }), true],
    ['its keys alone', proof, () => ({ jwks: { keys: [other.publicJwk] } }), true],
    [
      'where its keys are',
      { ...proof, jwks: undefined, jwks_uri: 'https://a.example/k' },
      () => ({ jwks_uri: 'https://b.example/k' }),
      true,
    ],
    ['how it proves who it is alone', proof, () => ({ token_endpoint_auth_method: 'none', jwks: undefined }), true],
    ['nothing that was checked', {}, () => ({ client_uri: 'https://agent.example' }), false],
  ])('%s', async (_what, metadata, changed, isOver) => {
    const it = await make(metadata);
    await verify(it);
    await it.change(changed(it.client));
    const row = await rowOf(it);
    expect([row['verified_at'] === null, row['identity_changed_at'] !== null]).toEqual([isOver, isOver]);
    expect((await eventsOf(it, 'client.unverified')).map(({ detail }) => detail)).toEqual(isOver ? [{ reason: 'metadata-changed' }] : []);
    expect(await isHeld(it.client)).toBe(false);
  });

  it.each(['until-verified', '7d'])('where the tenant’s quarantine is %s: it is in quarantine again', async (setting) => {
    const it = await make();
    await verify(it);
    await issuer.set({ quarantine: setting });
    time.forward(30 * day);
    expect(await isHeld(it.client)).toBe(false);
    await it.change({ client_name: 'Claude' });
    expect(await isHeld(it.client)).toBe(true);
    await verify(it);
    expect(await isHeld(it.client)).toBe(false);
  });
});
