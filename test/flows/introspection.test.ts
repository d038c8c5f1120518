import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ServerId } from '../../src/domain/ids.ts';
import { createVerifier } from '../../src/resource-server/index.ts';
import { disableUser } from '../../src/services/disable-user.ts';
import { removeServer } from '../../src/services/remove-server.ts';
import { rotateServerCredential } from '../../src/services/rotate-server-credential.ts';
import { toolNamed } from '../support/consent-scene.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { moveTime } from '../support/moved-time.ts';
import { basic, claimsOf, connect, isActive, postForm, refresh, registerTestClient, type TestClient } from '../support/oauth-client.ts';
import { readForms } from '../support/person.ts';

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

const operator = { actorType: 'operator' } as const;

/** Asks as a server, by Basic. */
function introspect(token: string, by: TestServer = server) {
  return postForm(issuer, '/introspect', { token }, basic(by.serverId, by.credential));
}

describe('introspection', () => {
  it('ENG-14, ENG-30: tells a server everything about a token that is for it', async () => {
    const tokens = await connect(issuer, { client, person, server, decision: { tools: ['list_issues'] } });
    const { iat, exp, jti, auth_time, consent } = claimsOf(tokens.access_token);
    const response = await introspect(tokens.access_token);
    expect(response.status).toBe(200);
    expect(response.headers['content-type']).toMatch(/^application\/json/);
    expect(response.headers['cache-control']).toBe('no-store');
    expect(response.json()).toEqual({
      active: true,
      iss: issuer.url,
      aud: server.resource,
      sub: person.userId,
      client_id: client.clientId,
      scope: 'tool:list_issues',
      token_type: 'Bearer',
      iat,
      exp,
      jti,
      auth_time,
      consent,
    });
  });

  it('ENG-14: a large selection is named, as in the token', async () => {
    const many = await issuer.addServer(Array.from({ length: 400 }, (_, index) => toolNamed(`read_a_rather_long_thing_${index}`)));
    const tokens = await connect(issuer, { client, person, server: many });
    const answer = (await introspect(tokens.access_token, many)).json();
    expect(answer).toMatchObject({ active: true, scope: 'tools.listed', selection: claimsOf(tokens.access_token).selection });
  });

  it.each(['access_token', 'refresh_token', 'nonsense', undefined])(
    'ENG-14: a token is known whatever hint comes with it: %s',
    async (hint) => {
      const { access_token: token } = await connect(issuer, { client, person, server });
      const answer = await postForm(issuer, '/introspect', { token, token_type_hint: hint }, basic(server.serverId, server.credential));
      expect(answer.json().active).toBe(true);
    },
  );

  it('ENG-30: a server may put its credential into the body', async () => {
    const { access_token: token } = await connect(issuer, { client, person, server });
    const { serverId, credential } = server;
    const answer = await postForm(issuer, '/introspect', { token, client_id: serverId, client_secret: credential });
    expect(answer.json().active).toBe(true);
  });

  it('MCP-38: the library asks the real issuer, and takes its answers', async () => {
    const tokens = await connect(issuer, { client, person, server, decision: { tools: ['list_issues', 'create_issue'] } });
    const options = { issuer: issuer.url, introspection: 'always' } as const;
    const asking = createVerifier({
      ...options,
      resource: server.resource,
      credential: { id: server.serverId, secret: server.credential },
    });
    const access = await asking.verify(`Bearer ${tokens.access_token}`);
    expect([access.allows('list_issues'), access.allows('create_issue'), access.allows('delete_issue')]).toEqual([true, true, false]);
    const other = await issuer.addServer();
    const foreign = createVerifier({ ...options, resource: server.resource, credential: `${other.serverId}:${other.credential}` });
    await expect(foreign.verify(`Bearer ${tokens.access_token}`)).rejects.toMatchObject({ code: 'invalid_token' });
    const wrong = createVerifier({ ...options, resource: server.resource, credential: `${server.serverId}:wrong` });
    // A wrong credential is this server's own trouble: the client keeps its token.
    await expect(wrong.verify(`Bearer ${tokens.access_token}`)).rejects.toMatchObject({ code: 'temporarily_unavailable' });
  });
});

describe('what ends access, as introspection tells it at once', () => {
  it('ABUSE-40, ABUSE-61: a consent that its person ended', async () => {
    const own = await registerTestClient(issuer);
    const tokens = await connect(issuer, { client: own, person, server });
    const other = await connect(issuer, { client: own, person, server });
    expect(await isActive(issuer, server, tokens.access_token)).toBe(true);
    const consent = String(claimsOf(tokens.access_token).consent);
    const page = await tokens.browser.get(`${issuer.url}/account/consents/${consent}/revoke`);
    const [form] = readForms(page.text);
    expect((await tokens.browser.post(form?.action ?? '', form?.fields ?? [])).status).toBe(303);
    for (const each of [tokens, other]) {
      expect((await introspect(each.access_token)).text).toBe('{"active":false}');
      expect((await refresh(issuer, own, each.refresh_token)).json()).toMatchObject({ error: 'invalid_grant' });
    }
  });

  it('ABUSE-61: a tool that its person took away, and one that she added', async () => {
    const own = await registerTestClient(issuer);
    const tokens = await connect(issuer, { client: own, person, server, decision: { tools: ['list_issues', 'create_issue'] } });
    const consent = String(claimsOf(tokens.access_token).consent);
    const page = await tokens.browser.get(`${issuer.url}/account/consents/${consent}`);
    const form = readForms(page.text).find(({ fields }) => fields.some(([name]) => name === 'shown'));
    const saved = await tokens.browser.post(form?.action ?? '', [
      ...(form?.fields ?? []),
      ['tool', 'list_issues'],
      ['tool', 'delete_issue'],
      ['do', 'save'],
    ]);
    expect(saved.status).toBe(303);
    expect((await introspect(tokens.access_token)).text).toBe('{"active":false}');
    const next = (await refresh(issuer, own, tokens.refresh_token)).json<{ access_token: string }>();
    expect((await introspect(next.access_token)).json()).toMatchObject({ active: true, scope: 'tool:delete_issue tool:list_issues' });
  });

  it('ABUSE-35, ABUSE-61: a person who was disabled', async () => {
    const other = await issuer.addPerson();
    const tokens = await connect(issuer, { client, person: other, server });
    await disableUser(issuer.runtime, issuer.tenant, { userId: other.userId, origin: operator });
    expect((await introspect(tokens.access_token)).text).toBe('{"active":false}');
  });

  it('ABUSE-52: time', async () => {
    const { access_token: token } = await connect(issuer, { client, person, server });
    const time = moveTime();
    try {
      time.forward(898);
      expect(await isActive(issuer, server, token)).toBe(true);
      time.forward(2);
      expect((await introspect(token)).text).toBe('{"active":false}');
    } finally {
      time.restore();
    }
  });

  it('ABUSE-52: the end of the server, and a new credential for it', async () => {
    const gone = await issuer.addServer();
    const { access_token: token } = await connect(issuer, { client, person, server: gone });
    const serverId = gone.serverId as ServerId;
    const rotated = await rotateServerCredential(issuer.runtime, issuer.tenant, { serverId, origin: operator });
    if (!rotated.ok) throw new Error(rotated.problem);
    expect((await introspect(token, gone)).status).toBe(401);
    const renewed = { ...gone, credential: rotated.credential };
    expect((await introspect(token, renewed)).json().active).toBe(true);
    await removeServer(issuer.runtime, issuer.tenant, { serverId, origin: operator });
    expect((await introspect(token, renewed)).status).toBe(401);
    // The same resource registered anew is another server: nothing that was allowed before counts.
    const again = await issuer.addServer(undefined, gone.resource);
    expect((await introspect(token, again)).text).toBe('{"active":false}');
  });
});
