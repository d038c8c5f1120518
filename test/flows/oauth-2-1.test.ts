import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import {
  authorizationUrl,
  authorize,
  basic,
  connect,
  makeTestClient,
  newPkce,
  postForm,
  redeem,
  refresh,
  type TestClient,
  type Tokens,
} from '../support/oauth-client.ts';
import { Browser } from '../support/person.ts';

type Client = Pick<TestClient, 'clientId' | 'redirectUri' | 'secret'>;

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;
const clients = new Map<string, Client>();

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer();
  for (const authMethod of ['none', 'client_secret_basic', 'client_secret_post'])
    clients.set(authMethod, await makeTestClient(issuer, { authMethod }));
});
afterAll(() => issuer.stop());

const methods = ['none', 'client_secret_basic', 'client_secret_post'];
const clientOf = (method: string) => clients.get(method) as Client;

/** The header and the parameters by which a client shows who it is. */
function proofOf(method: string): { parameters: Record<string, string | undefined>; headers: Record<string, string> } {
  const { clientId, secret = '' } = clientOf(method);
  if (method === 'client_secret_basic') return { parameters: { client_id: undefined }, headers: basic(clientId, secret) };
  return { parameters: method === 'client_secret_post' ? { client_secret: secret } : {}, headers: {} };
}

function errorAt(location: string | undefined): string | null {
  const url = new URL(location ?? '');
  return url.searchParams.get('error') ?? new URLSearchParams(url.hash.slice(1)).get('error');
}

describe.each(methods)('a client with the method %s', (method) => {
  it('MCP-1: gets tokens by a code, with PKCE, and redeems it once', async () => {
    const client = clientOf(method);
    const { parameters, headers } = proofOf(method);
    const authorized = await authorize(issuer, { client, person, server });
    expect((await redeem(issuer, client, authorized, { ...parameters, code_verifier: undefined }, headers)).json()).toMatchObject({
      error: 'invalid_grant',
    });
    expect((await redeem(issuer, client, authorized, parameters, headers)).status).toBe(200);
    expect((await redeem(issuer, client, authorized, parameters, headers)).json()).toMatchObject({ error: 'invalid_grant' });
  });

  it('MCP-1: has no implicit flow, no flow without PKCE, and no redirect but its own', async () => {
    const client = clientOf(method);
    const ask = (change: Record<string, string | undefined>) => {
      const parameters = { resource: server.resource, code_challenge: newPkce().challenge, ...change };
      return new Browser(issuer.origin).get(authorizationUrl(issuer, client, parameters));
    };
    expect(errorAt((await ask({ response_type: 'token' })).headers.location)).toBe('unsupported_response_type');
    expect(errorAt((await ask({ code_challenge: undefined, code_challenge_method: undefined })).headers.location)).toBe('invalid_request');
    const elsewhere = await ask({ redirect_uri: `${client.redirectUri}/` });
    expect([elsewhere.status, elsewhere.headers.location]).toEqual([400, undefined]);
  });

  it('MCP-1: has no password grant', async () => {
    const { parameters, headers } = proofOf(method);
    const asked = { grant_type: 'password', client_id: clientOf(method).clientId, username: person.email, password: person.password };
    expect((await postForm(issuer, '/token', { ...asked, ...parameters }, headers)).json()).toMatchObject({
      error: 'unsupported_grant_type',
    });
  });

  it('MCP-1: sends tokens in no query: at the token endpoint they are not read there', async () => {
    const client = clientOf(method);
    const { secret = 'x' } = client;
    const query = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: client.clientId,
      client_secret: secret,
      refresh_token: 'x',
    });
    const response = await issuer.send({
      method: 'POST',
      path: `/token?${query}`,
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: '',
    });
    expect(response.json()).toMatchObject({ error: 'invalid_request' });
  });
});

describe('what tells them apart', () => {
  it.each(['client_secret_basic', 'client_secret_post'])(
    'MCP-1: a confidential client (%s) has to prove who it is each time',
    async (method) => {
      const client = clientOf(method);
      const authorized = await authorize(issuer, { client, person, server });
      const unproven: [Record<string, string | undefined>, Record<string, string>][] = [
        [{}, {}],
        [{ client_secret: 'wrong' }, {}],
        [{ client_id: undefined }, basic(client.clientId, 'wrong')],
      ];
      for (const [parameters, headers] of unproven) {
        const response = await redeem(issuer, client, authorized, parameters, headers);
        expect([response.status, response.json().error]).toEqual([401, 'invalid_client']);
      }
      const { parameters, headers } = proofOf(method);
      expect((await redeem(issuer, client, authorized, parameters, headers)).status).toBe(200);
    },
  );

  it('MCP-1, MCP-23: a public client’s refresh token is good for one use, and its reuse ends the family', async () => {
    const client = clientOf('none');
    const quick = await startIssuer({ beside: issuer, lifetimes: { refreshGraceSeconds: 0 } });
    try {
      const first = await connect(quick, { client, person, server });
      const second = (await refresh(quick, client, first.refresh_token)).json<Tokens>();
      expect(second.refresh_token).not.toBe(first.refresh_token);
      expect((await refresh(quick, client, first.refresh_token)).json()).toMatchObject({ error: 'invalid_grant' });
      expect((await refresh(quick, client, second.refresh_token)).json()).toMatchObject({ error: 'invalid_grant' });
    } finally {
      await quick.stop();
    }
  });
});
