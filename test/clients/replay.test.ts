import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ClientId } from '../../src/domain/ids.ts';
import { removeClient } from '../../src/services/remove-client.ts';
import type { RawResponse } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import {
  authorizationUrl,
  basic,
  claimsOf,
  isActive,
  newPkce,
  postForm,
  registerTestClient,
  type TestClient,
  type Tokens,
} from '../support/oauth-client.ts';
import { Browser, type Decision, decide } from '../support/person.ts';
import { registrationBodies } from '../support/registration-bodies.ts';
import { type RecordedClient, recordedClients } from './support/recorded-clients.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  // At the root of its host, where URL puts a slash that the metadata has not.
  server = await issuer.addServer(undefined, 'https://tracker.example');
});
afterAll(() => issuer.stop());

const clients = Object.entries(recordedClients);
const choosesTools: Decision = { tools: ['list_issues'], resources: false, prompts: false };

/** The issuer as this client needs it: with a default resource where the client names none (MCP-21). */
async function withIssuer<T>({ resource }: RecordedClient, use: (issuer: TestIssuer) => Promise<T>): Promise<T> {
  if (resource !== 'none') return use(issuer);
  const lenient = await startIssuer({ beside: issuer, settings: { defaultResource: server.resource } });
  try {
    return await use(lenient);
  } finally {
    await lenient.stop();
  }
}

function register(at: TestIssuer, { registers }: RecordedClient, change: Record<string, unknown> = {}): Promise<TestClient> {
  // `registerTestClient` fills in what a test leaves out, which a recorded body must not have filled in.
  const body: Record<string, unknown> = { client_name: undefined, token_endpoint_auth_method: undefined, ...registrationBodies[registers] };
  return registerTestClient(at, { ...body, ...change });
}

/** `resource` as the client spells it; an array is sent as the parameter twice. */
function resourceOf({ resource }: RecordedClient): string | string[] | undefined {
  const spelled = new URL(server.resource).href;
  return { 'as published': server.resource, 'as URL spells it': spelled, twice: [server.resource, spelled], none: undefined }[resource];
}

interface Asked {
  client: TestClient;
  redirectUri: string;
  browser?: Browser;
  scope?: string | undefined;
  decision?: Decision;
}

/** Sends the person there, and redeems the code as the client does. */
async function authorize(at: TestIssuer, recorded: RecordedClient, asked: Asked): Promise<Tokens & { answer: URL }> {
  const { client, redirectUri } = asked;
  const { verifier, challenge } = newPkce();
  const resource = resourceOf(recorded);
  const parameters = { code_challenge: challenge, state: 'st=1/+', scope: asked.scope ?? recorded.scope, resource, ...recorded.asks };
  const url = authorizationUrl(at, { clientId: client.clientId, redirectUri }, parameters);
  const decision = asked.decision ?? choosesTools;
  const answer = await decide(asked.browser ?? new Browser(at.origin), url, { person, decision });
  const code = answer.searchParams.get('code') ?? '';
  const redeemed = await askForToken(at, recorded, client, {
    grant_type: 'authorization_code',
    code,
    code_verifier: verifier,
    redirect_uri: redirectUri,
    ...(typeof resource === 'string' && { resource }),
  });
  expect({ status: redeemed.status, body: redeemed.status === 200 ? '' : redeemed.text }).toEqual({ status: 200, body: '' });
  return { ...redeemed.json<Tokens>(), answer };
}

function askForToken(
  at: TestIssuer,
  { authenticates }: RecordedClient,
  { clientId, secret = '' }: TestClient,
  parameters: Record<string, string>,
): Promise<RawResponse> {
  if (authenticates === 'basic') return postForm(at, '/token', parameters, basic(clientId, secret));
  return postForm(at, '/token', { ...parameters, client_id: clientId, ...(authenticates === 'post' && { client_secret: secret }) });
}

function refresh(
  at: TestIssuer,
  recorded: RecordedClient,
  { client, tokens }: { client: TestClient; tokens: Tokens },
): Promise<RawResponse> {
  const scopes = {
    'as granted': tokens.scope,
    'as requested': recorded.scope,
    'as granted, and offline_access': `${tokens.scope} offline_access`,
  };
  const scope = recorded.refreshScope && scopes[recorded.refreshScope];
  const resource = [resourceOf(recorded)].flat()[0];
  return askForToken(at, recorded, client, {
    grant_type: 'refresh_token',
    refresh_token: tokens.refresh_token,
    ...(scope !== undefined && { scope }),
    ...(recorded.refreshNamesResource && resource !== undefined && { resource }),
  });
}

const redirectOf = (recorded: RecordedClient, client: TestClient) => recorded.redirectUri ?? client.redirectUri;

describe('what clients of the field send', () => {
  it('is of each of them, with where it was found', () => {
    const names = ['SDK v1', 'SDK v2', 'Inspector', 'mcp-remote', 'VS Code', 'Claude (web)', 'Claude (desktop)', 'Claude Code', 'ChatGPT'];
    for (const name of [...names, 'Codex', 'Cursor', 'Windsurf', 'Zed', 'Goose', 'LibreChat'])
      expect(clients.some(([recorded]) => recorded.includes(name))).toBe(true);
    for (const [, { source }] of clients) expect([source.where, source.version].every((text) => text.length > 3)).toBe(true);
  });

  it.each(clients)(
    'MCP-12, MCP-13, MCP-21, MCP-31, MCP-32: %s registers, is taken through consent, and gets its token',
    async (_, recorded) => {
      await withIssuer(recorded, async (at) => {
        const client = await register(at, recorded);
        const { registration } = client;
        expect(registration).toMatchObject({ redirect_uris: [...registrationBodies[recorded.registers].redirect_uris] });
        expect(registration['token_endpoint_auth_method']).toBe(
          { none: 'none', basic: 'client_secret_basic', post: 'client_secret_post' }[recorded.authenticates],
        );
        expect(Object.values(registration)).not.toContain(null);

        const redirectUri = redirectOf(recorded, client);
        const { answer, ...tokens } = await authorize(at, recorded, { client, redirectUri });
        expect(answer.href.startsWith(redirectUri)).toBe(true);
        expect(answer.searchParams.get('state')).toBe('st=1/+');
        expect(answer.searchParams.getAll('iss')).toEqual([issuer.url]);
        expect(tokens).toMatchObject({ token_type: 'Bearer', scope: 'tool:list_issues', refresh_token: expect.any(String) });
        expect(claimsOf(tokens.access_token)).toMatchObject({ aud: server.resource, client_id: client.clientId });
        expect(await isActive(at, server, tokens.access_token)).toBe(true);
      });
    },
  );

  it.each(clients)('MCP-21, MCP-24, MCP-27, ENG-28: %s refreshes, again and again', async (_, recorded) => {
    await withIssuer(recorded, async (at) => {
      const client = await register(at, recorded);
      let tokens: Tokens = await authorize(at, recorded, { client, redirectUri: redirectOf(recorded, client) });
      for (let round = 0; round < 3; round += 1) {
        const answer = await refresh(at, recorded, { client, tokens });
        expect({ status: answer.status, body: answer.status === 200 ? '' : answer.text }).toEqual({ status: 200, body: '' });
        const next = answer.json<Tokens>();
        expect(next.refresh_token).not.toBe(tokens.refresh_token);
        expect(claimsOf(next.access_token)).toMatchObject({ aud: server.resource, scope: 'tool:list_issues' });
        tokens = next;
      }
      expect(await isActive(at, server, tokens.access_token)).toBe(true);
    });
  });

  it.each(clients.filter(([, { stepUp }]) => stepUp !== 'none'))(
    'MCP-16, MCP-24: %s asks for one tool more, and keeps what stood',
    async (_, recorded) => {
      await withIssuer(recorded, async (at) => {
        const client = await register(at, recorded);
        const browser = new Browser(at.origin);
        const redirectUri = redirectOf(recorded, client);
        const first = await authorize(at, recorded, { client, redirectUri, browser });
        const scope =
          recorded.stepUp === 'union' ? [recorded.scope, first.scope, 'tool:create_issue'].filter(Boolean).join(' ') : 'tool:create_issue';
        const decision = { ...choosesTools, tools: ['list_issues', 'create_issue'] };
        const wider = await authorize(at, recorded, { client, redirectUri, browser, scope, decision });
        expect(wider.scope).toBe('tool:create_issue tool:list_issues');
        expect((await refresh(at, recorded, { client, tokens: wider })).status).toBe(200);
      });
    },
  );

  it.each(clients.filter(([, { otherPort }]) => otherPort === 'keeps its id'))(
    'MCP-10: %s comes back on another port of this computer',
    async (_, recorded) => {
      const client = await register(issuer, recorded);
      for (const port of [49_152, 65_535]) {
        const { host, port: registered } = new URL(redirectOf(recorded, client));
        expect(host).toBe(registered === '' ? '127.0.0.1' : `${new URL(redirectOf(recorded, client)).hostname}:${registered}`);
        const redirectUri = redirectOf(recorded, client).replace(`:${registered}`, `:${port}`);
        const { answer } = await authorize(issuer, recorded, { client, redirectUri });
        expect(answer.port).toBe(String(port));
      }
    },
  );

  it.each(clients.filter(([, { otherPort }]) => otherPort === 'registers again'))(
    'MCP-33: %s registers again for another port; what it had goes on',
    async (_, recorded) => {
      await withIssuer(recorded, async (at) => {
        const first = await register(at, recorded);
        const tokens = await authorize(at, recorded, { client: first, redirectUri: redirectOf(recorded, first) });
        const redirectUri = redirectOf(recorded, first).replace(/:\d+\//, ':50123/');
        const second = await register(at, recorded, { redirect_uris: [redirectUri] });
        expect(second.clientId).not.toBe(first.clientId);
        await authorize(at, recorded, { client: second, redirectUri });
        expect((await refresh(at, recorded, { client: first, tokens })).status).toBe(200);
      });
    },
  );

  it.each(clients)('MCP-11, MCP-25: %s learns that it is not known any more, in a form that makes it start again', async (_, recorded) => {
    await withIssuer(recorded, async (at) => {
      const client = await register(at, recorded);
      const redirectUri = redirectOf(recorded, client);
      const tokens = await authorize(at, recorded, { client, redirectUri });
      await removeClient(at.runtime, at.tenant, { clientId: client.clientId as ClientId, origin: { actorType: 'operator' } });
      const refused = await refresh(at, recorded, { client, tokens });
      expect(refused.status).toBe(401);
      expect(refused.headers['content-type']).toMatch(/^application\/json/);
      expect(refused.headers['www-authenticate']).toMatch(/^Basic /);
      expect(refused.json()).toMatchObject({ error: 'invalid_client' });
      const page = await new Browser(at.origin).get(authorizationUrl(at, { clientId: client.clientId, redirectUri }, {}));
      expect(page.status).toBe(400);
      expect(page.text).toMatch(/remove .* and add it again/i);
    });
  });
});
