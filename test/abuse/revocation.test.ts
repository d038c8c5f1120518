import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { moveTime } from '../support/moved-time.ts';
import {
  basic,
  claimsOf,
  connect,
  isActive,
  postForm,
  refresh,
  registerTestClient,
  type TestClient,
  type Tokens,
} from '../support/oauth-client.ts';

let issuer: TestIssuer;
let second: TestIssuer;
let person: TestPerson;
let server: TestServer;
let client: TestClient;

beforeAll(async () => {
  issuer = await startIssuer();
  second = await startIssuer({ beside: issuer });
  person = await issuer.addPerson();
  server = await issuer.addServer();
  client = await registerTestClient(issuer);
});
afterAll(async () => {
  await second.stop();
  await issuer.stop();
});

describe('revocation by somebody else', () => {
  it('ABUSE-53: has no effect and says nothing: another client, a confidential one, a server, even the token’s own', async () => {
    const tokens = await connect(issuer, { client, person, server, scope: 'openid tools' });
    const other = await registerTestClient(issuer);
    const confidential = await registerTestClient(issuer, { token_endpoint_auth_method: 'client_secret_basic' });
    const before = await issuer.runtime.store.auditEvent.count();
    for (const token of [tokens.access_token, tokens.refresh_token, tokens.id_token ?? '', 'unknown']) {
      for (const answer of [
        await postForm(issuer, '/revoke', { token, client_id: other.clientId }),
        await postForm(issuer, '/revoke', { token }, basic(confidential.clientId, confidential.secret ?? '')),
        await postForm(issuer, '/revoke', { token }, basic(server.serverId, server.credential)),
      ]) {
        expect([answer.status, answer.text]).toEqual([200, '']);
      }
    }
    expect(await issuer.runtime.store.auditEvent.count()).toBe(before);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(true);
    expect((await refresh(issuer, client, tokens.refresh_token)).status).toBe(200);
  });

  it('ABUSE-53, ENG-32, MCP-25: nobody, and an unknown client, get nowhere', async () => {
    const tokens = await connect(issuer, { client, person, server });
    const nobody = await postForm(issuer, '/revoke', { token: tokens.access_token });
    expect(nobody.status).toBe(400);
    const unknown = await postForm(issuer, '/revoke', { token: tokens.access_token, client_id: 'cli_nobody' });
    expect([unknown.status, unknown.json().error]).toEqual([401, 'invalid_client']);
    expect(unknown.headers['www-authenticate']).toMatch(/^Basic realm="/);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(true);
  });

  it('ABUSE-51, ABUSE-53: a token that was tampered with, and one that is none, revoke nothing', async () => {
    const tokens = await connect(issuer, { client, person, server, scope: 'openid tools' });
    const [header, , signature] = tokens.access_token.split('.');
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = claimsOf(tokens.access_token);
    const attempts = [
      tokens.access_token.slice(0, -4),
      `${part({ alg: 'none', typ: 'at+jwt' })}.${part(claims)}.`,
      `${header}.${part({ ...claims, jti: 'other' })}.${signature}`,
      tokens.id_token ?? '',
      (await issuer.send({ path: '/status/0' })).text,
      tokens.code,
      client.managementToken,
      'a\0b',
      'x'.repeat(20_000),
    ];
    for (const token of attempts) expect((await postForm(issuer, '/revoke', { token, client_id: client.clientId })).status).toBe(200);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(true);
    expect((await refresh(issuer, client, tokens.refresh_token)).status).toBe(200);
  });

  it('ABUSE-53: an expired access token revokes nothing any more', async () => {
    const tokens = await connect(issuer, { client, person, server });
    const time = moveTime();
    try {
      time.forward(901);
      const next = (await refresh(issuer, client, tokens.refresh_token)).json<Tokens>();
      await postForm(issuer, '/revoke', { token: tokens.access_token, client_id: client.clientId });
      expect(await isActive(issuer, server, next.access_token)).toBe(true);
    } finally {
      time.restore();
    }
  });
});

describe('revocation in a race', () => {
  it('ABUSE-53: with refreshes over two instances leaves nothing alive, whoever is first', async () => {
    for (let round = 0; round < 8; round += 1) {
      const tokens = await connect(issuer, { client, person, server });
      const form = { token: tokens.refresh_token, client_id: client.clientId };
      const work = [
        () => refresh(issuer, client, tokens.refresh_token),
        () => postForm(second, '/revoke', form),
        () => refresh(second, client, tokens.refresh_token),
        () => postForm(issuer, '/revoke', form),
      ];
      const answers = await Promise.all((round % 2 ? work.toReversed() : work).map((each) => each()));
      for (const { status } of answers) expect([200, 400]).toContain(status);
      const issued = answers.flatMap((answer) => (answer.status === 200 && answer.text !== '' ? [answer.json<Tokens>()] : []));
      for (const each of [tokens, ...issued]) {
        expect(await isActive(issuer, server, each.access_token)).toBe(false);
        expect((await refresh(issuer, client, each.refresh_token)).json().error).toBe('invalid_grant');
      }
    }
  });

  it('ABUSE-53: of an access token with a refresh: what was issued before is dead, what came after is one good token', async () => {
    for (let round = 0; round < 8; round += 1) {
      const tokens = await connect(issuer, { client, person, server });
      const [answer] = await Promise.all([
        refresh(issuer, client, tokens.refresh_token),
        postForm(second, '/revoke', { token: tokens.access_token, client_id: client.clientId }),
      ]);
      expect(answer.status).toBe(200);
      expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
      const again = (await refresh(issuer, client, answer.json<Tokens>().refresh_token)).json<Tokens>();
      expect(await isActive(issuer, server, again.access_token)).toBe(true);
    }
  });
});

describe('the infrastructure rule', () => {
  it('a revocation that could not be kept is an error, and is done when it is sent again', async () => {
    const tokens = await connect(issuer, { client, person, server });
    const owner = new Client({ connectionString: issuer.database.ownerUrl });
    await owner.connect();
    try {
      for (const token of [tokens.access_token, tokens.refresh_token]) {
        await owner.query('ALTER TABLE audit_events RENAME TO audit_events_away');
        const failed = await postForm(issuer, '/revoke', { token, client_id: client.clientId });
        await owner.query('ALTER TABLE audit_events_away RENAME TO audit_events');
        expect(failed.status).toBeGreaterThanOrEqual(500);
        expect(failed.json().error).toMatch(/^(server_error|temporarily_unavailable)$/);
        expect(await isActive(issuer, server, tokens.access_token)).toBe(token === tokens.access_token);
        expect((await postForm(issuer, '/revoke', { token, client_id: client.clientId })).status).toBe(200);
      }
    } finally {
      await owner.end();
    }
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    expect((await refresh(issuer, client, tokens.refresh_token)).json().error).toBe('invalid_grant');
  });
});
