/** Strangers' hosts are sent what anybody could send them: a whole authorization, full of canaries, is behind the fetches that it causes. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomToken } from '../../src/platform/random.ts';
import { Canaries } from '../support/canaries.ts';
import { byAssertion, makeClientKey, signAssertion } from '../support/client-assertion.ts';
import { type DocumentAnswer, type DocumentHost, startDocumentHost } from '../support/document-host.ts';
import { startIssuer, type TestIssuer, type TestServer } from '../support/issuer.ts';
import { moveTime } from '../support/moved-time.ts';
import { authorizationUrl, newPkce, redeem, refresh, type Tokens } from '../support/oauth-client.ts';
import { answerConsent, Browser, signInOn } from '../support/person.ts';

let host: DocumentHost;
let issuer: TestIssuer;
let server: TestServer;
beforeAll(async () => {
  host = await startDocumentHost();
  issuer = await startIssuer({ strangers: host.fetch });
  server = await issuer.addServer();
});
afterAll(async () => {
  await issuer.stop();
  await host.close();
});

describe('ABUSE-74: what a stranger’s host is sent', () => {
  it('for a document, for keys, and for both again, is nothing that came with the request, and nothing of ours', async () => {
    const canaries = new Canaries();
    const time = moveTime();
    /** As it stood on the wire. */
    const sent: string[] = [];
    const names = new Set<string>();
    const record = (answer: unknown): DocumentAnswer => {
      return (request, response) => {
        sent.push(`${request.method} ${request.url} ${JSON.stringify(request.rawHeaders)}`);
        for (const name of Object.keys(request.headers)) names.add(name);
        request.on('data', (chunk) => sent.push(String(chunk)));
        response.writeHead(200, { 'content-type': 'application/json', etag: '"1"' }).end(JSON.stringify(answer));
      };
    };
    try {
      const person = await issuer.addPerson();
      const key = await makeClientKey();
      const clientId = 'https://canary.example/client.json';
      const jwksUri = 'https://canary.example/keys';
      const client = { clientId, redirectUri: 'https://canary.example/cb' };
      const document = { client_id: clientId, client_name: 'Canary', redirect_uris: [client.redirectUri], jwks_uri: jwksUri };
      host.serve(clientId, record({ ...document, token_endpoint_auth_method: 'private_key_jwt' }));
      host.serve(jwksUri, record({ keys: [key.publicJwk] }));
      const browser = new Browser(issuer.origin);
      await signInOn(browser, await browser.get(`${issuer.url}/account`), person);
      canaries.addCookies(browser);
      canaries.add('secret', issuer.secret);
      canaries.add('server credential', server.credential);
      canaries.add('password', person.password);
      canaries.add('email', person.email);
      const headers = {
        Authorization: `Bearer ${canaries.add('authorization', randomToken())}`,
        Referer: `https://app.example/${canaries.add('referrer', randomToken())}`,
        'X-Request-Id': canaries.add('request id', randomToken()),
        'X-Forwarded-For': '203.0.113.77',
        'User-Agent': `Browser ${canaries.add('user agent', randomToken())}`,
        'Accept-Language': `x-${canaries.add('language', randomToken())}`,
        traceparent: `00-${canaries.add('trace', randomBytes(16).toString('hex'))}-00f067aa0ba902b7-01`,
      };
      // A token request shows its client's proof and no other.
      const { Authorization: _, ...onlyOfBrowsers } = headers;
      const { verifier, challenge } = newPkce();
      canaries.add('verifier', verifier);
      const parameters = {
        code_challenge: canaries.add('challenge', challenge),
        resource: canaries.add('resource', server.resource),
        state: canaries.add('state', randomToken()),
        nonce: canaries.add('nonce', randomToken()),
        login_hint: canaries.add('login hint', `${randomToken()}@example.com`),
        scope: 'openid tools',
      };
      const url = authorizationUrl(issuer, client, parameters);
      const ask = async () => browser.follow(await browser.get(url, headers));
      const answered = await answerConsent(browser, await ask(), { tools: ['list_issues'] });
      const code = canaries.add('code', new URL(answered.headers.location ?? '').searchParams.get('code') ?? '');
      const assertion = async () => {
        const signed = await signAssertion({ clientId, issuer: issuer.url, key });
        canaries.add(`assertion ${canaries.size}`, signed);
        return { ...byAssertion(signed), code_verifier: verifier };
      };
      const redeemed = await redeem(issuer, client, { code, verifier }, await assertion(), onlyOfBrowsers);
      expect(redeemed.status).toBe(200);
      const tokens = redeemed.json<Tokens>();
      canaries.add('access token', tokens.access_token);
      canaries.add('refresh token', tokens.refresh_token);
      time.forward(86_401);
      await ask();
      expect((await refresh(issuer, client, tokens.refresh_token, await assertion())).status).toBe(200);

      expect(sent.map((text) => text.split(' ', 2).join(' '))).toEqual(['GET /client.json', 'GET /keys', 'GET /client.json', 'GET /keys']);
      expect(sent.flatMap((text) => canaries.findIn(text))).toEqual([]);
      expect(sent.filter((text) => text.includes('203.0.113.77') || text.includes(new URL(issuer.url).host))).toEqual([]);
      // `x-test-host` is the stand-in for DNS and TLS; all others every fetch has.
      expect([...names].sort()).toEqual([
        'accept',
        'accept-encoding',
        'accept-language',
        'cache-control',
        'connection',
        'host',
        'if-none-match',
        'pragma',
        'sec-fetch-mode',
        'user-agent',
        'x-test-host',
      ]);
    } finally {
      time.restore();
    }
  });
});
