/** Registrations of one turn share their statement; what holds for each must not depend on who else was in it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ClientId } from '../../src/domain/ids.ts';
import { createRegistration, type NewRegistration } from '../../src/store/hot/registration.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { registrationBodies } from '../support/registration-bodies.ts';

let issuer: TestIssuer;
let other: TestIssuer;

beforeAll(async () => {
  issuer = await startIssuer();
  other = await issuer.addTenant('other');
});
afterAll(() => issuer.stop());

interface Registered {
  client_id: string;
  client_name: string;
  registration_access_token: string;
}

async function register(at: TestIssuer, name: string): Promise<Registered> {
  const body = JSON.stringify({ ...registrationBodies['the TypeScript SDK v2'], client_name: name });
  const answer = await at.send({ method: 'POST', path: '/register', headers: { 'content-type': 'application/json' }, body });
  expect(answer.status).toBe(201);
  return answer.json<Registered>();
}

function readAt(at: TestIssuer, { client_id, registration_access_token: token }: Registered) {
  return at.send({ path: `/register/${client_id}`, headers: { authorization: `Bearer ${token}` } });
}

describe('registrations at once', () => {
  it('each is kept at its tenant alone, with a token and an event of its own', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `Agent ${index}`);
    const tenantOf = (index: number) => (index % 2 === 0 ? issuer : other);
    const registered = await Promise.all(names.map((name, index) => register(tenantOf(index), name)));
    expect(new Set(registered.map(({ client_id: id }) => id)).size).toBe(20);
    for (const [index, one] of registered.entries()) {
      expect((await readAt(tenantOf(index), one)).json()).toMatchObject({ client_id: one.client_id, client_name: names[index] });
      expect((await readAt(tenantOf(index + 1), one)).status).toBe(401);
      const neighbour = registered[(index + 2) % 20] as Registered;
      expect((await readAt(tenantOf(index), { ...one, client_id: neighbour.client_id })).status).toBe(401);
    }
    for (const [index, { tenant }] of [issuer, other].entries()) {
      const events = await issuer.runtime.store.auditEvent.findMany({ where: { tenantId: tenant.id, type: 'client.registered' } });
      const ids = registered.filter((_, place) => place % 2 === index).map(({ client_id: id }) => id);
      expect(events.map(({ clientId }) => clientId).sort()).toEqual(ids.sort());
      expect(new Set(events.map(({ requestId }) => requestId)).size).toBe(10);
    }
  });

  it('what the database refuses of one is undone for that one alone', async () => {
    const { store } = issuer.runtime;
    const made = ['first', 'second', 'third'].map(
      (name): NewRegistration => ({
        client: {
          id: `cli_${name}` as ClientId,
          kind: 'dynamic',
          metadata: { redirectUris: ['http://localhost:8090/callback'], grants: ['authorization_code'], authMethod: 'none' } as never,
          createdAt: new Date(),
          reapAfter: new Date(),
        },
        managementToken: { model: 'RegistrationAccessToken', digest: name },
        event: { actorType: 'client', detail: { text: name === 'second' ? '\0' : name } },
      }),
    );
    const outcomes = await Promise.allSettled(made.map((one) => createRegistration(store, issuer.tenant.id, one)));
    expect(outcomes).toMatchObject([{ status: 'fulfilled' }, { status: 'rejected', reason: { code: '22P05' } }, { status: 'fulfilled' }]);
    const ids = made.map(({ client }) => client.id);
    const where = { tenantId: issuer.tenant.id };
    const kept = await Promise.all([
      store.client.findMany({ where: { ...where, id: { in: ids } } }),
      store.artifact.findMany({ where: { ...where, uid: { in: ids } } }),
      store.auditEvent.findMany({ where: { ...where, clientId: { in: ids } } }),
    ]);
    expect(kept.map((rows) => rows.length)).toEqual([2, 2, 2]);
    expect(kept[0].map(({ id }) => id).sort()).toEqual(['cli_first', 'cli_third']);
  });
});
