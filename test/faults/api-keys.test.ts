/** API keys on two instances, and through the library's memory. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiKeyId, ServerId, ServiceAccountId } from '../../src/domain/ids.ts';
import { createVerifier } from '../../src/resource-server/index.ts';
import { assignTools } from '../../src/services/assign-tools.ts';
import { revokeApiKey, rotateApiKey } from '../../src/services/manage-api-keys.ts';
import { startIssuer, type TestIssuer, type TestServer } from '../support/issuer.ts';
import { askToken, makeApiKey } from '../support/machine.ts';
import { moveTime } from '../support/moved-time.ts';
import { isActive, type Tokens } from '../support/oauth-client.ts';

let issuer: TestIssuer;
let second: TestIssuer;
let server: TestServer;

beforeAll(async () => {
  issuer = await startIssuer();
  second = await startIssuer({ beside: issuer });
  server = await issuer.addServer();
});
afterAll(async () => {
  await second.stop();
  await issuer.stop();
});

const origin = { actorType: 'operator' } as const;
const some = { tools: ['list_issues', 'create_issue'] };
const verifierOf = () =>
  createVerifier({ issuer: issuer.url, resource: server.resource, credential: `${server.serverId}:${server.credential}`, reports: false });

describe('a key that is revoked on one instance', () => {
  it('ABUSE-63, ABUSE-84: is refused by introspection and at /token of the other one at once', async () => {
    const key = await makeApiKey(issuer, { server, ...some });
    const token = (await askToken(second, { clientId: key.id, secret: key.secret })).json<Tokens>().access_token;
    expect([await isActive(second, server, key.secret), await isActive(second, server, token)]).toEqual([true, true]);
    await revokeApiKey(issuer.runtime, issuer.tenant, { id: key.id as ApiKeyId, reason: 'revoked-by-admin', origin });
    expect([await isActive(second, server, key.secret), await isActive(second, server, token)]).toEqual([false, false]);
    expect((await askToken(second, { clientId: key.id, secret: key.secret })).status).toBe(401);
  });

  it('ABUSE-61, ABUSE-63: is refused by the library within 15 seconds, and so are the tokens it was exchanged for', async () => {
    const key = await makeApiKey(issuer, { server, ...some });
    const token = (await askToken(issuer, { clientId: key.id, secret: key.secret })).json<Tokens>().access_token;
    const time = moveTime();
    try {
      const verifier = verifierOf();
      for (const shown of [key.secret, token]) expect((await verifier.verifyToken(shown)).clientId).toBe(key.id);
      await revokeApiKey(second.runtime, second.tenant, { id: key.id as ApiKeyId, reason: 'revoked-by-admin', origin });
      time.forward(15);
      for (const shown of [key.secret, token]) {
        await expect(verifier.verifyToken(shown)).rejects.toMatchObject({ code: 'invalid_token' });
      }
      const asking = createVerifier({
        issuer: issuer.url,
        resource: server.resource,
        credential: `${server.serverId}:${server.credential}`,
        introspection: 'always',
        reports: false,
      });
      await expect(asking.verifyToken(key.secret)).rejects.toMatchObject({ code: 'invalid_token', reason: 'inactive' });
    } finally {
      time.restore();
    }
  });

  it('ABUSE-61: is narrower, and wider again, within 15 seconds, as its account is', async () => {
    const key = await makeApiKey(issuer, { server, ...some });
    const assign = (tools: string[]) =>
      assignTools(second.runtime, second.tenant, {
        serviceAccountId: key.subject as ServiceAccountId,
        choice: { serverId: server.serverId as ServerId, tools, resources: false, prompts: false },
        origin,
      });
    const time = moveTime();
    try {
      const verifier = verifierOf();
      const tools = async () => (await verifier.verifyToken(key.secret)).tools;
      expect(await tools()).toEqual(['create_issue', 'list_issues']);
      await assign(['list_issues', 'delete_issue']);
      time.forward(15);
      expect(await tools()).toEqual(['list_issues']);
      await assign(['list_issues', 'create_issue', 'delete_issue']);
      time.forward(15);
      expect(await tools()).toEqual(['create_issue', 'list_issues']);
    } finally {
      time.restore();
    }
  });
});

describe('at the same time', () => {
  it('of ten rotations each leaves at most two keys that work, the newest among them', async () => {
    const key = await makeApiKey(issuer, { server, ...some });
    const rotations = await Promise.all(
      Array.from({ length: 10 }, (_, n) => {
        const at = n % 2 === 0 ? issuer : second;
        return rotateApiKey(at.runtime, at.tenant, { id: key.id as ApiKeyId, overlapSeconds: 3_600, origin });
      }),
    );
    const secrets = rotations.map((rotation) => (rotation.ok ? rotation.secret : ''));
    const working = await Promise.all([key.secret, ...secrets].map((secret) => isActive(issuer, server, secret)));
    expect(working.filter(Boolean).length).toBe(2);
    expect(working[0]).toBe(false);
  });

  it('a revocation beside exchanges leaves no token that counts', async () => {
    const key = await makeApiKey(issuer, { server, ...some });
    const asking = Promise.all(
      Array.from({ length: 20 }, (_, n) => askToken(n % 2 === 0 ? issuer : second, { clientId: key.id, secret: key.secret })),
    );
    const revoking = revokeApiKey(second.runtime, second.tenant, { id: key.id as ApiKeyId, reason: 'revoked-by-admin', origin });
    const [answers] = await Promise.all([asking, revoking]);
    for (const answer of answers) {
      expect([200, 401]).toContain(answer.status);
      if (answer.status === 200) expect(await isActive(issuer, server, answer.json<Tokens>().access_token)).toBe(false);
    }
  });
});
