/** The secret of a client made by hand, and another one for it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ClientId } from '../../src/domain/ids.ts';
import { createManualClient } from '../../src/services/create-client.ts';
import { rotateClientSecret } from '../../src/services/rotate-client-secret.ts';
import { listAuditEvents } from '../../src/store/audit.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { moveTime } from '../support/moved-time.ts';
import { authorize, basic, postForm, redeem, registerTestClient, type Tokens } from '../support/oauth-client.ts';

const origin = { actorType: 'operator' } as const;
const redirectUri = 'https://batch.example/cb';

let issuer: TestIssuer;
let second: TestIssuer;
let person: TestPerson;
let server: TestServer;
beforeAll(async () => {
  issuer = await startIssuer();
  second = await startIssuer({ beside: issuer });
  person = await issuer.addPerson();
  server = await issuer.addServer();
});
afterAll(async () => {
  await second.stop();
  await issuer.stop();
});

async function makeClient(authMethod = 'client_secret_basic'): Promise<{ clientId: string; redirectUri: string; secret: string }> {
  const request = { name: 'Batch', redirectUris: [redirectUri], authMethod };
  const made = await createManualClient(issuer.runtime, issuer.tenant, { request, origin });
  if (!made.ok) throw new Error(made.problem.reason);
  return { clientId: made.client.id, redirectUri, secret: made.secret ?? '' };
}

async function rotate(clientId: string, overlapSeconds: number): Promise<string> {
  const done = await rotateClientSecret(issuer.runtime, issuer.tenant, { clientId: clientId as ClientId, overlapSeconds, origin });
  if (!done.ok) throw new Error(done.problem);
  return done.secret;
}

/** Whether a secret is the client's; the token that comes with it is not. */
async function works(clientId: string, secret: string, at: TestIssuer = issuer): Promise<boolean> {
  const answer = await postForm(at, '/token', { grant_type: 'refresh_token', refresh_token: 'none' }, basic(clientId, secret));
  expect([answer.status, answer.json().error]).toEqual(answer.status === 400 ? [400, 'invalid_grant'] : [401, 'invalid_client']);
  return answer.status === 400;
}

describe('a new secret', () => {
  it('works at once, on every instance, and the old one beside it until the overlap ends', async () => {
    const { clientId, secret: old } = await makeClient();
    const next = await rotate(clientId, 3_600);
    for (const at of [issuer, second]) expect([await works(clientId, old, at), await works(clientId, next, at)]).toEqual([true, true]);
    const digests = await issuer.runtime.store.client.findFirstOrThrow({ where: { id: clientId } });
    for (const wrong of [
      'wrong',
      `${old} ${next}`,
      String(digests.secretDigest),
      `${digests.secretDigest} ${digests.previousSecretDigest}`,
    ]) {
      expect(await works(clientId, wrong)).toBe(false);
    }
    const time = moveTime();
    try {
      time.forward(3_601);
      expect([await works(clientId, old), await works(clientId, next)]).toEqual([false, true]);
    } finally {
      time.restore();
    }
  });

  it('ends the old one at once where it leaked; and never are there more than two', async () => {
    const { clientId, secret: first } = await makeClient('client_secret_post');
    const next = await rotate(clientId, 0);
    expect([await works(clientId, first), await works(clientId, next)]).toEqual([false, true]);
    const third = await rotate(clientId, 3_600);
    const fourth = await rotate(clientId, 3_600);
    expect([await works(clientId, next), await works(clientId, third), await works(clientId, fourth)]).toEqual([false, true, true]);
    const racing = await Promise.all([rotate(clientId, 3_600), rotate(clientId, 3_600), rotate(clientId, 3_600)]);
    const left = await Promise.all([first, next, third, fourth, ...racing].map((secret) => works(clientId, secret)));
    expect(left.filter(Boolean)).toHaveLength(2);
  });

  it('takes nothing from what the client holds: codes and refresh tokens go on, with either', async () => {
    const client = await makeClient();
    const authorized = await authorize(issuer, { client, person, server });
    const next = await rotate(client.clientId, 3_600);
    const redeemed = await redeem(issuer, client, authorized, { client_id: undefined }, basic(client.clientId, client.secret));
    expect(redeemed.status).toBe(200);
    const { refresh_token: token } = redeemed.json<Tokens>();
    const refreshed = await postForm(issuer, '/token', { grant_type: 'refresh_token', refresh_token: token }, basic(client.clientId, next));
    expect(refreshed.status).toBe(200);
    const again = refreshed.json<Tokens>().refresh_token;
    await rotate(client.clientId, 0);
    const refused = await postForm(issuer, '/token', { grant_type: 'refresh_token', refresh_token: again }, basic(client.clientId, next));
    expect(refused.status).toBe(401);
  });

  it('is kept as a digest, and leaves an event', async () => {
    const { clientId } = await makeClient();
    const next = await rotate(clientId, 3_600);
    const row = await issuer.runtime.store.client.findFirstOrThrow({ where: { id: clientId } });
    expect(JSON.stringify(row)).not.toContain(next);
    const [event] = await listAuditEvents(issuer.runtime.store, issuer.tenant.id, 1);
    expect(event).toMatchObject({
      type: 'client.secret-rotated',
      clientId,
      detail: { previousUntil: row.previousSecretUntil?.toISOString() },
    });
    expect(JSON.stringify(event)).not.toContain(next);
  });

  it('is for clients made by hand that have one', async () => {
    const other = await issuer.addTenant('other');
    const { clientId } = await makeClient();
    const dynamic = await registerTestClient(issuer, { token_endpoint_auth_method: 'client_secret_basic' });
    const open = await makeClient('none');
    const ask = (id: string, at: TestIssuer = issuer) =>
      rotateClientSecret(at.runtime, at.tenant, { clientId: id as ClientId, overlapSeconds: 60, origin });
    expect(await ask(dynamic.clientId)).toEqual({ ok: false, problem: 'registered-itself' });
    expect(await ask(open.clientId)).toEqual({ ok: false, problem: 'has-no-secret' });
    expect(await ask('cli_unknown')).toEqual({ ok: false, problem: 'unknown-client' });
    expect(await ask(clientId, other)).toEqual({ ok: false, problem: 'unknown-client' });
  });
});
