import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TenantId } from '../../src/domain/ids.ts';
import { sha256 } from '../../src/platform/digest.ts';
import { randomToken } from '../../src/platform/random.ts';
import { CannotDecrypt, createVault } from '../../src/platform/vault.ts';
import { addServer } from '../../src/services/add-server.ts';
import { requireKnownSecrets, resealSecrets } from '../../src/services/reseal-secrets.ts';
import type { Runtime, Tenant } from '../../src/services/runtime.ts';
import { ensureSigningKeys } from '../../src/services/signing-keys.ts';
import { sealHeaders } from '../../src/services/sync-catalogue.ts';
import { obtainTenant } from '../../src/store/tenants.ts';
import { createTestRuntime, type TestRuntime } from '../support/runtime.ts';

let test: TestRuntime;
let other: Tenant;
let serverId: string;

const [first, second, third] = [randomToken(32), randomToken(32), randomToken(32)];
const sessionId = randomToken();

/** The same database, seen with other secrets. */
function withSecrets(current: string, ...previous: string[]): Runtime {
  return { ...test.runtime, vault: createVault({ current, previous }) };
}

beforeAll(async () => {
  test = await createTestRuntime();
  const runtime = withSecrets(first);
  other = { ...test.tenant, id: 'tnt_other' as TenantId, slug: 'other', issuer: 'http://localhost:4000/t/other', name: 'Other' };
  await obtainTenant(runtime.store, { ...other, createdAt: new Date() });
  for (const tenant of [test.tenant, other]) await ensureSigningKeys(runtime, tenant);
  const added = await addServer(runtime, other, {
    resource: 'https://tracker.example/mcp',
    name: 'Tracker',
    headers: { Authorization: 'Bearer upstream' },
    origin: { actorType: 'operator' },
  });
  if (!added.ok) throw new Error('no server');
  serverId = added.server.id;
  const sealedHeaders = sealHeaders(runtime, other, { Authorization: 'Bearer upstream' });
  await runtime.store.server.update({ where: { tenantId_id: { tenantId: other.id, id: serverId } }, data: { sealedHeaders } });
  const sealedId = runtime.vault.seal(sessionId, { purpose: 'artifact-id', tenantId: test.tenant.id });
  const session = { tenantId: test.tenant.id, model: 'Session', digest: sha256(sessionId), payload: {}, uid: 'uid', createdAt: new Date() };
  await runtime.store.artifact.create({ data: { ...session, sealedId } });
});
afterAll(() => test.end());

describe('TOOLGRANT_SECRET', () => {
  it('ABUSE-55: another secret without the previous one opens nothing, of whichever tenant: the issuer must not start', async () => {
    await expect(requireKnownSecrets(withSecrets(second))).rejects.toThrow(CannotDecrypt);
    await expect(ensureSigningKeys(withSecrets(second), test.tenant)).rejects.toThrow(CannotDecrypt);
  });

  it('with the previous one everything opens, and is sealed anew', async () => {
    const runtime = withSecrets(second, first);
    await expect(requireKnownSecrets(runtime)).resolves.toBeUndefined();
    const before = await ensureSigningKeys(runtime, test.tenant);
    // Two keys of each tenant, one server's headers, one session.
    expect(await resealSecrets(runtime)).toEqual({ resealed: 6, unopened: 0 });
    expect(await resealSecrets(runtime)).toEqual({ resealed: 0, unopened: 0 });
    expect((await ensureSigningKeys(runtime, test.tenant)).current.privateJwk).toEqual(before.current.privateJwk);
  });

  it('then the previous one is not needed any more', async () => {
    const runtime = withSecrets(second);
    await expect(requireKnownSecrets(runtime)).resolves.toBeUndefined();
    for (const tenant of [test.tenant, other]) await expect(ensureSigningKeys(runtime, tenant)).resolves.toBeDefined();
    const server = await runtime.store.server.findFirst({ where: { id: serverId } });
    expect(runtime.vault.open(server?.sealedHeaders ?? '', { purpose: 'server-headers', tenantId: other.id })).toContain('upstream');
    const session = await runtime.store.artifact.findFirst({ where: { model: 'Session' } });
    expect(runtime.vault.open(session?.sealedId ?? '', { purpose: 'artifact-id', tenantId: test.tenant.id })).toBe(sessionId);
  });

  it('what opens with neither is counted, left as it is, and keeps the issuer from starting', async () => {
    const runtime = withSecrets(third, first);
    expect(await resealSecrets(runtime)).toEqual({ resealed: 0, unopened: 6 });
    await expect(requireKnownSecrets(runtime)).rejects.toThrow(/TOOLGRANT_SECRET/);
    await expect(requireKnownSecrets(withSecrets(second))).resolves.toBeUndefined();
  });
});
