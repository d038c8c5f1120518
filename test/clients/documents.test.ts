/** Clients of the field that introduce themselves by a metadata document. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { byAssertion, type ClientKey, makeClientKey, signAssertion } from '../support/client-assertion.ts';
import { type DocumentHost, startDocumentHost } from '../support/document-host.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { authorizationUrl, claimsOf, isActive, newPkce, postForm, type Tokens } from '../support/oauth-client.ts';
import { Browser, decide, signInOn } from '../support/person.ts';
import { type RecordedDocument, recordedDocuments } from './support/recorded-documents.ts';

let host: DocumentHost;
let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;
let key: ClientKey;

beforeAll(async () => {
  host = await startDocumentHost();
  key = await makeClientKey('RS256');
  issuer = await startIssuer({ strangers: host.fetch });
  person = await issuer.addPerson();
  server = await issuer.addServer();
  for (const { url, document } of Object.values(recordedDocuments)) {
    host.serve(url, { client_id: url, ...document });
    if (typeof document['jwks_uri'] === 'string') host.serve(document['jwks_uri'], { keys: [key.publicJwk] });
  }
});
afterAll(async () => {
  await issuer.stop();
  await host.close();
});

const clients = Object.entries(recordedDocuments);

function requestFor({ url, redirectUri, scope }: RecordedDocument, asked: { challenge: string; scope?: string }): string {
  const parameters = { code_challenge: asked.challenge, state: 'st=1/+', scope: asked.scope ?? scope, resource: server.resource };
  return authorizationUrl(issuer, { clientId: url, redirectUri }, parameters);
}

async function askForToken({ url, authenticates }: RecordedDocument, parameters: Record<string, string>) {
  const proof = authenticates === 'none' ? {} : byAssertion(await signAssertion({ clientId: url, issuer: issuer.url, key }));
  return postForm(issuer, '/token', { ...parameters, client_id: url, ...proof });
}

async function connect(recorded: RecordedDocument, asked: { browser: Browser; tools: string[]; scope?: string }): Promise<Tokens> {
  const { verifier, challenge } = newPkce();
  const { browser, tools, scope } = asked;
  const url = requestFor(recorded, { challenge, ...(scope !== undefined && { scope }) });
  const answer = await decide(browser, url, { person, decision: { tools, resources: false, prompts: false } });
  expect(answer.href.startsWith(recorded.redirectUri)).toBe(true);
  expect([answer.searchParams.get('state'), answer.searchParams.get('iss')]).toEqual(['st=1/+', issuer.url]);
  const redeemed = await askForToken(recorded, {
    grant_type: 'authorization_code',
    code: answer.searchParams.get('code') ?? '',
    code_verifier: verifier,
    redirect_uri: recorded.redirectUri,
    resource: server.resource,
  });
  expect({ status: redeemed.status, body: redeemed.status === 200 ? '' : redeemed.text }).toEqual({ status: 200, body: '' });
  return redeemed.json<Tokens>();
}

async function refresh(recorded: RecordedDocument, tokens: Tokens): Promise<Tokens> {
  const response = await askForToken(recorded, {
    grant_type: 'refresh_token',
    refresh_token: tokens.refresh_token,
    ...(recorded.refreshNamesResource && { resource: server.resource }),
  });
  expect({ status: response.status, body: response.status === 200 ? '' : response.text }).toEqual({ status: 200, body: '' });
  return response.json<Tokens>();
}

describe('what clients of the field publish', () => {
  it('is of each of them that does, with where it was found', () => {
    for (const name of ['Claude (web)', 'Claude Code', 'ChatGPT', 'Codex', 'VS Code', 'Zed', 'Goose']) {
      expect(recordedDocuments[name]?.source).toEqual({
        kind: expect.stringMatching(/^(?:read|documented|reported)$/),
        where: expect.stringMatching(/.{4}/),
        version: expect.stringMatching(/.{4}/),
      });
    }
  });

  it.each(clients)('MCP-17, MCP-29: the consent page says who stands for %s', async (_, recorded) => {
    const browser = new Browser(issuer.origin);
    const first = await browser.follow(await browser.get(requestFor(recorded, { challenge: newPkce().challenge })));
    const page = await signInOn(browser, first, person);
    const text = page.text
      .replaceAll(/<svg[\s\S]*?<\/svg>/g, '')
      .replaceAll(/<[^>]+>/g, ' ')
      .replaceAll(/\s+/g, ' ');
    const { host: published } = new URL(recorded.url);
    const words = recorded.standing === 'published' ? `published by ${published}` : 'not verified';
    expect(text).toContain(`Who asks ${recorded.document.client_name} ${words}`);
    expect(text).not.toContain('may not be who it seems to be');
  });

  it.each(clients)(
    'MCP-29, MCP-24, MCP-16: %s connects without registering, refreshes, and asks for one tool more',
    async (_, recorded) => {
      const browser = new Browser(issuer.origin);
      let tokens = await connect(recorded, { browser, tools: ['list_issues'] });
      expect(tokens).toMatchObject({ token_type: 'Bearer', scope: 'tool:list_issues' });
      expect(claimsOf(tokens.access_token)).toMatchObject({ aud: server.resource, client_id: recorded.url });
      for (let round = 0; round < 3; round += 1) {
        const next = await refresh(recorded, tokens);
        expect(next.refresh_token).not.toBe(tokens.refresh_token);
        tokens = next;
      }
      expect(await isActive(issuer, server, tokens.access_token)).toBe(true);

      const tools = ['list_issues', 'create_issue'];
      const wider = await connect(recorded, { browser, tools, scope: 'tool:create_issue' });
      expect(wider.scope).toBe('tool:create_issue tool:list_issues');
      expect((await refresh(recorded, wider)).scope).toBe('tool:create_issue tool:list_issues');
    },
  );

  it.each(clients.filter(([, { redirectUri }]) => /^http:\/\/(?:localhost|127\.0\.0\.1)[:/]/.test(redirectUri)))(
    'MCP-10: %s comes back on another port of this computer',
    async (_, recorded) => {
      const redirectUri = recorded.redirectUri.replace(/:\d+\//, ':49152/');
      expect(redirectUri).not.toBe(recorded.redirectUri);
      await connect({ ...recorded, redirectUri }, { browser: new Browser(issuer.origin), tools: ['list_issues'] });
    },
  );

  it.each(clients.filter(([, { authenticates }]) => authenticates === 'assertion'))(
    'MCP-30, ABUSE-44: nobody redeems a code of %s with another key',
    async (_, recorded) => {
      const { verifier, challenge } = newPkce();
      const answer = await decide(new Browser(issuer.origin), requestFor(recorded, { challenge }), { person });
      const other = await makeClientKey('RS256', String(key.publicJwk.kid));
      const response = await postForm(issuer, '/token', {
        grant_type: 'authorization_code',
        code: answer.searchParams.get('code') ?? '',
        code_verifier: verifier,
        redirect_uri: recorded.redirectUri,
        client_id: recorded.url,
        ...byAssertion(await signAssertion({ clientId: recorded.url, issuer: issuer.url, key: other })),
      });
      expect([response.status, response.json()]).toEqual([401, expect.objectContaining({ error: 'invalid_client' })]);
    },
  );
});
