import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { toolNamed } from '../support/consent-scene.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import {
  authorizationUrl,
  authorize,
  claimsOf,
  connect,
  makeTestClient,
  newPkce,
  redeem,
  refresh,
  registerTestClient,
  type TestClient,
  type Tokens,
} from '../support/oauth-client.ts';
import { answerConsent, Browser, decide, readForms, signInOn } from '../support/person.ts';

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

describe('the authorization code flow', () => {
  it('ENG-27: gives a token for exactly the ticked tools, in token and response alike', async () => {
    const tokens = await connect(issuer, { client, person, server, scope: 'tools', decision: { tools: ['create_issue', 'list_issues'] } });
    expect(tokens).toMatchObject({ token_type: 'Bearer', expires_in: 900, scope: 'tool:create_issue tool:list_issues' });
    const claims = claimsOf(tokens.access_token);
    expect(claims).toMatchObject({ iss: issuer.url, aud: server.resource, sub: person.userId, client_id: client.clientId });
    expect(claims.scope).toBe(tokens.scope);
    expect(claims).toMatchObject({ consent: expect.stringMatching(/^cns_/), jti: expect.any(String), auth_time: expect.any(Number) });
    expect(claims.status).toEqual({ status_list: { idx: expect.any(Number), uri: `${issuer.url}/status/0` } });
    expect(Number(claims.exp) - Number(claims.iat)).toBe(900);
    expect(JSON.parse(Buffer.from(tokens.access_token.split('.')[0] ?? '', 'base64url').toString())).toMatchObject({
      alg: 'ES256',
      typ: 'at+jwt',
    });
  });

  it('MCP-6, ABUSE-23: says who answers exactly once, in success and in error', async () => {
    const { location } = await authorize(issuer, { client, person, server });
    expect(location.searchParams.getAll('iss')).toEqual([issuer.url]);
    expect(location.searchParams.getAll('state')).toHaveLength(1);
    const denied = await authorize(issuer, { client, person, server, decision: { deny: true } });
    expect(denied.location.searchParams.get('error')).toBe('access_denied');
    expect(denied.location.searchParams.getAll('iss')).toEqual([issuer.url]);
    const made = await makeTestClient(issuer);
    const refused = await authorize(issuer, { client: made, person, server, parameters: { response_type: 'token' } });
    // Other response types have their errors in the fragment.
    expect(new URLSearchParams(refused.location.hash.slice(1)).getAll('iss')).toEqual([issuer.url]);
  });

  it('MCP-12, ENG-6: takes a request without scope as one for tools, and tolerates stray spaces', async () => {
    for (const scope of [undefined, '', ' ', ' offline_access', 'tools  ']) {
      const tokens = await connect(issuer, {
        client,
        person,
        server,
        ...(scope !== undefined && { scope }),
        decision: { tools: ['list_issues'] },
      });
      expect(tokens.scope).toBe('tool:list_issues');
    }
  });

  it('MCP-14, ENG-6: ignores unknown parameters and drops unknown scopes', async () => {
    const parameters = { nonce: 'n', max_age: '10', acr_values: 'urn:x', unheard_of: 'yes', claims: '{"id_token":{}}' };
    const tokens = await connect(issuer, {
      client,
      person,
      server,
      scope: 'mcp:admin read write',
      parameters,
      decision: { tools: ['list_issues'] },
    });
    expect(tokens.scope).toBe('tool:list_issues');
  });

  it('MCP-13, ENG-11: says what was granted, which may be less than was asked, and forgets no refusal and no grant', async () => {
    const other = await issuer.addPerson();
    const fresh = await registerTestClient(issuer);
    const first = await connect(issuer, { client: fresh, person: other, server, scope: 'tools', decision: { tools: ['list_issues'] } });
    expect(first.scope).toBe('tool:list_issues');
    const second = await connect(issuer, {
      client: fresh,
      person: other,
      server,
      scope: 'tools',
      decision: { tools: ['create_issue', 'list_issues'] },
    });
    expect(second.scope).toBe('tool:create_issue tool:list_issues');
  });

  it('MCP-24, ENG-8: gives a refresh token by the grants a client registered, whatever scope and prompt say', async () => {
    expect((await connect(issuer, { client, person, server })).refresh_token).toMatch(/^[\w-]{43}$/);
    const withoutRefresh = await registerTestClient(issuer, { grant_types: ['authorization_code'] });
    const tokens = await connect(issuer, {
      client: withoutRefresh,
      person,
      server,
      scope: 'tools offline_access',
      parameters: { prompt: 'consent' },
    });
    expect(tokens.refresh_token).toBeUndefined();
  });

  it('MCP-15, ABUSE-24: every redirect after credentials is a 303', async () => {
    const browser = new Browser(issuer.origin);
    const { challenge } = newPkce();
    const url = authorizationUrl(issuer, client, { resource: server.resource, code_challenge: challenge });
    const first = await browser.get(url);
    expect(first.status).toBe(303);
    const login = await browser.follow(first);
    const [form] = readForms(login.text);
    const fields = form?.fields.map(([name, value]) => [name, { email: person.email, password: person.password }[name] ?? value] as const);
    expect((await browser.post(form?.action ?? '', fields ?? [])).status).toBe(303);
  });

  it('MCP-16, ABUSE-39: asks a returning person again when the client is not proven', async () => {
    const { browser } = await connect(issuer, { client, person, server });
    const { challenge } = newPkce();
    const page = await browser.follow(
      await browser.get(authorizationUrl(issuer, client, { resource: server.resource, code_challenge: challenge })),
    );
    expect(page.status).toBe(200);
    expect(page.text).toContain('allowed so far');
    const silent = await browser.get(
      authorizationUrl(issuer, client, { resource: server.resource, code_challenge: challenge, prompt: 'none' }),
    );
    expect(new URL(silent.headers.location ?? '').searchParams.get('error')).toBe('consent_required');
  });

  it('ENG-12: shows all tools on a repeat, with what stood still ticked', async () => {
    const other = await issuer.addPerson();
    const { browser } = await connect(issuer, { client, person: other, server, decision: { tools: ['delete_issue'] } });
    const { challenge } = newPkce();
    const page = await browser.follow(
      await browser.get(authorizationUrl(issuer, client, { resource: server.resource, code_challenge: challenge })),
    );
    const boxes = readForms(page.text).flatMap((form) => form.boxes);
    expect(boxes.map(({ value }) => value).sort()).toEqual(['create_issue', 'delete_issue', 'list_issues']);
    expect(boxes.filter(({ ticked }) => ticked).map(({ value }) => value)).toEqual(['delete_issue']);
  });

  it('ENG-10: revoking what one server was allowed leaves another server’s tokens alone', async () => {
    const otherServer = await issuer.addServer();
    const first = await connect(issuer, { client, person, server });
    const second = await connect(issuer, { client, person, server: otherServer, browser: first.browser });
    const revoked = await issuer.send({
      method: 'POST',
      path: '/revoke',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ client_id: client.clientId, token: first.refresh_token }).toString(),
    });
    expect(revoked.status).toBe(200);
    expect((await refresh(issuer, client, first.refresh_token)).json()).toMatchObject({ error: 'invalid_grant' });
    expect((await refresh(issuer, client, second.refresh_token)).status).toBe(200);
  });

  it('ENG-7: with openid the access token is still for the server, and an ID token comes beside it', async () => {
    const tokens = await connect(issuer, { client, person, server, scope: 'openid email tools', parameters: { nonce: 'n-1' } });
    expect(claimsOf(tokens.access_token).aud).toBe(server.resource);
    const idToken = claimsOf(tokens.id_token ?? '');
    expect(idToken).toMatchObject({ iss: issuer.url, aud: client.clientId, sub: person.userId, nonce: 'n-1', email: person.email });
    expect(JSON.parse(Buffer.from((tokens.id_token ?? '').split('.')[0] ?? '', 'base64url').toString())).toMatchObject({ alg: 'ES256' });
  });

  it('ENG-13: a selection of hundreds of tools does not blow up the token', async () => {
    const many = await issuer.addServer(Array.from({ length: 400 }, (_, index) => toolNamed(`read_a_rather_long_thing_${index}`)));
    const tokens = await connect(issuer, { client, person, server: many });
    expect(tokens.scope).toBe('tools.listed');
    expect(tokens.access_token.length).toBeLessThan(1_500);
    expect(claimsOf(tokens.access_token).selection).toMatch(/^[\w-]{43}$/);
  });

  it('ENG-31: what the engine measures and what we measure is the same clock', async () => {
    const before = Math.floor(Date.now() / 1_000);
    const claims = claimsOf((await connect(issuer, { client, person, server })).access_token);
    expect(Number(claims.iat)).toBeGreaterThanOrEqual(before);
    expect(Number(claims.auth_time)).toBeGreaterThanOrEqual(before - 1);
  });
});

describe('the resource', () => {
  it('MCP-21: is the registered one, however the client spells it', async () => {
    const plain = await issuer.addServer(undefined, 'https://plain.example');
    for (const resource of ['https://plain.example/', 'HTTPS://PLAIN.example', 'https://plain.example:443']) {
      const tokens = await connect(issuer, { client, person, server: { resource } });
      expect(claimsOf(tokens.access_token).aud).toBe(plain.resource);
      const again = await refresh(issuer, client, tokens.refresh_token, { resource });
      expect(claimsOf(again.json<Tokens>().access_token).aud).toBe(plain.resource);
    }
  });

  it('MCP-21: is the default one for clients that name none, where there is a default', async () => {
    const withDefault = await startIssuer({ beside: issuer, settings: { defaultResource: server.resource } });
    try {
      const tokens = await connect(withDefault, { client, person, server, parameters: { resource: undefined } });
      expect(claimsOf(tokens.access_token).aud).toBe(server.resource);
      expect((await refresh(withDefault, client, tokens.refresh_token)).status).toBe(200);
    } finally {
      await withDefault.stop();
    }
  });
});

describe('what a client may ask of the sign-in', () => {
  const urlWith = (parameters: Record<string, string>, asking: Pick<TestClient, 'clientId' | 'redirectUri'> = client) =>
    authorizationUrl(issuer, asking, { resource: server.resource, code_challenge: newPkce().challenge, ...parameters });

  it('prompt=none is answered without a page', async () => {
    const stranger = await new Browser(issuer.origin).get(urlWith({ prompt: 'none' }, await makeTestClient(issuer)));
    expect(new URL(stranger.headers.location ?? '').searchParams.get('error')).toBe('login_required');
  });

  it('prompt=login, and max_age with openid, ask a signed-in person to sign in again, and then go on', async () => {
    const { browser } = await connect(issuer, { client, person, server });
    for (const parameters of [{ prompt: 'login' }, { scope: 'openid tools', max_age: '0' }] as Record<string, string>[]) {
      const page = await browser.follow(await browser.get(urlWith(parameters)));
      expect(page.text).toContain('name="password"');
      const consent = await signInOn(browser, page, person);
      const away = await answerConsent(browser, consent, {});
      expect(new URL(away.headers.location ?? '').searchParams.get('code')).not.toBeNull();
    }
  });

  it('an unknown prompt is an invalid request', async () => {
    const response = await new Browser(issuer.origin).get(urlWith({ prompt: 'select_account' }, await makeTestClient(issuer)));
    expect(new URL(response.headers.location ?? '').searchParams.get('error')).toBe('invalid_request');
  });
});

describe('a proven client', () => {
  it('MCP-16: goes on with what stands, and is asked for more than that', async () => {
    const { createManualClient } = await import('../../src/services/create-client.ts');
    const created = await createManualClient(issuer.runtime, issuer.tenant, {
      request: { name: 'Console', redirectUris: ['https://console.example/cb'], authMethod: 'none' },
      origin: { actorType: 'operator' },
    });
    if (!created.ok) throw new Error(created.problem.reason);
    const proven = { clientId: created.client.id, redirectUri: 'https://console.example/cb' };
    const other = await issuer.addPerson();
    const { browser } = await connect(issuer, { client: proven, person: other, server, decision: { tools: ['list_issues'] } });
    const { verifier, challenge } = newPkce();
    const silent = await browser.follow(
      await browser.get(authorizationUrl(issuer, proven, { resource: server.resource, code_challenge: challenge })),
    );
    const code = new URL(silent.headers.location ?? '').searchParams.get('code') ?? '';
    expect((await redeem(issuer, proven, { code, verifier })).json<Tokens>().scope).toBe('tool:list_issues');
    const more = authorizationUrl(issuer, proven, { resource: server.resource, code_challenge: challenge, scope: 'tool:delete_issue' });
    expect((await browser.follow(await browser.get(more))).status).toBe(200);
    // A new browser signs in and goes straight on.
    const elsewhere = await decide(
      new Browser(issuer.origin),
      authorizationUrl(issuer, proven, { resource: server.resource, code_challenge: challenge }),
      {
        person: other,
      },
    );
    expect(elsewhere.searchParams.get('code')).not.toBeNull();
  });
});

describe('sign-in and consent in one interaction', () => {
  it('end in one code, and the interaction is over with it', async () => {
    const browser = new Browser(issuer.origin);
    const { challenge } = newPkce();
    const start = await browser.get(authorizationUrl(issuer, client, { resource: server.resource, code_challenge: challenge }));
    const interactionUrl = start.headers.location ?? '';
    const consent = await signInOn(browser, await browser.follow(start), person);
    expect(consent.status).toBe(200);
    const away = await answerConsent(browser, consent, {});
    expect(new URL(away.headers.location ?? '').searchParams.get('code')).toMatch(/^[\w-]{43}$/);
    expect((await browser.get(interactionUrl)).status).toBe(400);
  });
});
