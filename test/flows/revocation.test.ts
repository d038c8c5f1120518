import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import {
  authorize,
  basic,
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

/** Revokes as a client; a confidential one with its secret. */
function revoke(token: string, { by = client, hint }: { by?: TestClient; hint?: string } = {}) {
  return postForm(issuer, '/revoke', { token, token_type_hint: hint, client_id: by.clientId, client_secret: by.secret });
}

function lastRevocation() {
  return issuer.runtime.store.auditEvent.findFirst({ where: { type: 'token.revoked' }, orderBy: { at: 'desc' } });
}

describe('revoking a refresh token', () => {
  it('ABUSE-53: ends its installation: the family, and the access tokens', async () => {
    const tokens = await connect(issuer, { client, person, server });
    const next = (await refresh(issuer, client, tokens.refresh_token)).json<Tokens>();
    const answer = await revoke(next.refresh_token);
    expect([answer.status, answer.text]).toEqual([200, '']);
    expect(answer.headers['cache-control']).toBe('no-store');
    for (const token of [tokens.access_token, next.access_token]) expect(await isActive(issuer, server, token)).toBe(false);
    for (const token of [tokens.refresh_token, next.refresh_token]) {
      const refused = await refresh(issuer, client, token);
      expect([refused.status, refused.json().error]).toEqual([400, 'invalid_grant']);
    }
  });

  it('ABUSE-53: one that was rotated away still names its family', async () => {
    const tokens = await connect(issuer, { client, person, server });
    const next = (await refresh(issuer, client, tokens.refresh_token)).json<Tokens>();
    expect((await revoke(tokens.refresh_token)).status).toBe(200);
    expect(await isActive(issuer, server, next.access_token)).toBe(false);
    expect((await refresh(issuer, client, next.refresh_token)).json().error).toBe('invalid_grant');
  });

  it('ENG-10: leaves other installations, and the consent, as they are', async () => {
    const first = await connect(issuer, { client, person, server });
    const second = await connect(issuer, { client, person, server });
    await revoke(first.refresh_token);
    expect(await isActive(issuer, server, second.access_token)).toBe(true);
    expect((await refresh(issuer, client, second.refresh_token)).status).toBe(200);
    const consent = await issuer.runtime.store.consent.findFirst({ where: { id: String(claimsOf(first.access_token).consent) } });
    expect(consent?.endedAt).toBeNull();
  });

  it('is told to the audit trail: who, of whom, for which server', async () => {
    const { refresh_token: token } = await connect(issuer, { client, person, server });
    await revoke(token);
    expect(await lastRevocation()).toMatchObject({
      outcome: 'success',
      actorType: 'client',
      actorId: client.clientId,
      userId: person.userId,
      clientId: client.clientId,
      serverId: server.serverId,
      installationId: expect.stringMatching(/./),
      address: '127.0.0.1',
    });
  });

  it('twice is once', async () => {
    const { refresh_token: token } = await connect(issuer, { client, person, server });
    await revoke(token);
    const first = await lastRevocation();
    expect((await revoke(token)).status).toBe(200);
    expect((await lastRevocation())?.id).toBe(first?.id);
  });
});

describe('revoking an access token', () => {
  it('ABUSE-53, ENG-14, ENG-30: ends it at once, though it is a JWT; the refresh token goes on', async () => {
    const tokens = await connect(issuer, { client, person, server });
    const answer = await revoke(tokens.access_token);
    expect([answer.status, answer.text]).toEqual([200, '']);
    expect(answer.headers['content-type']).not.toMatch(/json/);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    const next = (await refresh(issuer, client, tokens.refresh_token)).json<Tokens>();
    expect(await isActive(issuer, server, next.access_token)).toBe(true);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    // The old one, revoked again, does not reach what came after it.
    expect((await revoke(tokens.access_token)).status).toBe(200);
    expect(await isActive(issuer, server, next.access_token)).toBe(true);
  });

  it.each(['access_token', 'refresh_token', 'nonsense'])('works whatever the hint says: %s', async (hint) => {
    const tokens = await connect(issuer, { client, person, server });
    await revoke(tokens.access_token, { hint });
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    await revoke(tokens.refresh_token, { hint });
    expect((await refresh(issuer, client, tokens.refresh_token)).status).toBe(400);
  });
});

describe('a confidential client', () => {
  it.each(['client_secret_basic', 'client_secret_post'])('%s: revokes with its secret, and not without', async (method) => {
    const own = await registerTestClient(issuer, { token_endpoint_auth_method: method });
    const authorized = await authorize(issuer, { client: own, person, server });
    const tokens = (await redeem(issuer, own, authorized, { client_secret: own.secret })).json<Tokens>();
    const token = tokens.refresh_token;
    for (const answer of [
      await postForm(issuer, '/revoke', { token, client_id: own.clientId }),
      await postForm(issuer, '/revoke', { token, client_id: own.clientId, client_secret: 'wrong' }),
      await postForm(issuer, '/revoke', { token }, basic(own.clientId, 'wrong')),
    ]) {
      expect([answer.status, answer.json().error]).toEqual([401, 'invalid_client']);
      expect(answer.headers['www-authenticate']).toMatch(/^Basic realm="/);
    }
    expect(await isActive(issuer, server, tokens.access_token)).toBe(true);
    expect((await postForm(issuer, '/revoke', { token }, basic(own.clientId, own.secret ?? ''))).status).toBe(200);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
  });
});
