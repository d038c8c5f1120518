/** Clients that prove themselves by keys that their document names. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { randomToken } from '../../src/platform/random.ts';
import { type DocumentHost, startDocumentHost } from '../support/document-host.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { type MovedTime, moveTime } from '../support/moved-time.ts';
import { authorize, connect, redeem, refresh } from '../support/oauth-client.ts';
import type { Browser } from '../support/person.ts';
import { type AskingClient, nextNumber, publishClient, requestOf, visit } from '../support/published-client.ts';

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
afterEach(() => time.restore());

const publish = (members?: Record<string, unknown>, options?: { id?: string }) => publishClient(host, members, options);
const urlFor = (client: AskingClient) => requestOf(issuer, client, server);
const pageAt = (browser: Browser, client: AskingClient) => visit(browser, urlFor(client));

describe('ENG-18: a client with keys', () => {
  async function newKey(kid: string) {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const jwk: JWK = { ...(await exportJWK(publicKey)), kid };
    const assert = (clientId: string, changes: { aud?: string; alg?: string } = {}) =>
      new SignJWT({})
        .setProtectedHeader({ alg: 'ES256', kid })
        .setIssuer(clientId)
        .setSubject(clientId)
        .setAudience(changes.aud ?? issuer.url)
        .setJti(randomToken())
        .setIssuedAt()
        .setExpirationTime('1m')
        .sign(privateKey);
    return { jwk, assert };
  }
  const by = (assertion: string) => ({
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  });

  it('proves itself by those in its document, and is nobody without', async () => {
    const key = await newKey('a');
    const stranger = await newKey('a');
    const { client } = publish({ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key.jwk] } });
    const authorized = await authorize(issuer, { client, person, server });
    for (const parameters of [
      {},
      by(await stranger.assert(client.clientId)),
      by(await key.assert('https://somebody-else.example/client.json')),
    ]) {
      const refused = await redeem(issuer, client, authorized, parameters);
      expect([refused.status, refused.json().error]).toEqual(refused.status === 400 ? [400, 'invalid_request'] : [401, 'invalid_client']);
    }
    const redeemed = await redeem(issuer, client, authorized, by(await key.assert(client.clientId)));
    expect(redeemed.status).toBe(200);
    const { refresh_token: token } = redeemed.json<{ refresh_token: string }>();
    expect((await refresh(issuer, client, token)).json()).toMatchObject({ error: 'invalid_client' });
    expect((await refresh(issuer, client, token, by(await key.assert(client.clientId)))).status).toBe(200);
  });

  it('publishes them at an address that is asked once, however many tokens it gets, and again when it signs with another', async () => {
    const [key, next] = [await newKey('a'), await newKey('b')];
    const { client, origin } = publish({
      token_endpoint_auth_method: 'private_key_jwt',
      jwks_uri: `https://agent-${nextNumber()}.example/keys`,
    });
    const jwksUri = `${origin}/keys`;
    const fetches = () => host.requests.filter((place) => `https://${place}` === jwksUri).length;
    host.serve(jwksUri, { keys: [key.jwk] });
    const authorized = await authorize(issuer, { client, person, server });
    expect(fetches()).toBe(0);
    let answer = await redeem(issuer, client, authorized, by(await key.assert(client.clientId)));
    for (let n = 0; n < 10; n += 1) {
      expect(answer.status).toBe(200);
      answer = await refresh(issuer, client, answer.json<{ refresh_token: string }>().refresh_token, by(await key.assert(client.clientId)));
    }
    expect(fetches()).toBe(1);
    host.serve(jwksUri, { keys: [next.jwk] });
    time.forward(61);
    const rotated = await refresh(
      issuer,
      client,
      answer.json<{ refresh_token: string }>().refresh_token,
      by(await next.assert(client.clientId)),
    );
    expect(rotated.status).toBe(200);
    expect(fetches()).toBe(2);
  });

  it('whose keys cannot be had gets 503, never a verdict on its credentials', async () => {
    const key = await newKey('a');
    const { client } = publish({ token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://keys.example/keys' });
    host.fail('https://keys.example/keys');
    const authorized = await authorize(issuer, { client, person, server });
    const answer = await redeem(issuer, client, authorized, by(await key.assert(client.clientId)));
    expect([answer.status, answer.json().error, answer.headers['retry-after']]).toEqual([
      503,
      'temporarily_unavailable',
      expect.any(String),
    ]);
    host.serve('https://keys.example/keys', { keys: [key.jwk] });
    time.forward(31);
    expect((await redeem(issuer, client, authorized, by(await key.assert(client.clientId)))).status).toBe(200);
  });

  it('SEP-3149: may come with or without proof when its document says both, and a bad proof is none', async () => {
    const [key, stranger] = [await newKey('a'), await newKey('a')];
    const { client } = publish({
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: { keys: [key.jwk] },
    });
    const authorized = await authorize(issuer, { client, person, server });
    expect((await redeem(issuer, client, authorized, by(await stranger.assert(client.clientId)))).json()).toMatchObject({
      error: 'invalid_client',
    });
    const redeemed = await redeem(issuer, client, authorized);
    expect(redeemed.status).toBe(200);
    const { refresh_token: token } = redeemed.json<{ refresh_token: string }>();
    expect((await refresh(issuer, client, token, by(await key.assert(client.clientId)))).status).toBe(200);
  });

  it('ABUSE-17: that changed them is asked about again', async () => {
    const [key, next] = [await newKey('a'), await newKey('b')];
    const { client, change } = publish({ token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'], jwks: { keys: [key.jwk] } });
    const { browser } = await connect(issuer, { client, person, server });
    change({ jwks: { keys: [next.jwk] } });
    time.forward(3_600);
    expect((await pageAt(browser, client)).text).toContain('Its keys are others.');
  });
});
