import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TenantId } from '../../src/domain/ids.ts';
import { addServer } from '../../src/services/add-server.ts';
import { authenticateServer } from '../../src/services/authenticate-server.ts';
import { createUser } from '../../src/services/create-user.ts';
import { disableUser } from '../../src/services/disable-user.ts';
import { ensureRootTenant } from '../../src/services/ensure-root-tenant.ts';
import { issueFirstAdminLink, issueLink } from '../../src/services/issue-link.ts';
import { findServerByName } from '../../src/services/list-servers.ts';
import { listUsers } from '../../src/services/list-users.ts';
import { describeLink, redeemLink } from '../../src/services/redeem-link.ts';
import { removeServer } from '../../src/services/remove-server.ts';
import { rotateServerCredential } from '../../src/services/rotate-server-credential.ts';
import type { Origin, Tenant } from '../../src/services/runtime.ts';
import { signIn } from '../../src/services/sign-in.ts';
import { obtainTenant } from '../../src/store/tenants.ts';
import { createTestRuntime, type TestRuntime } from '../support/runtime.ts';

const origin: Origin = { actorType: 'operator' };
const email = 'ada@example.com';
const password = 'seven grey geese fly';

let t: TestRuntime;
let other: Tenant;
beforeAll(async () => {
  t = await createTestRuntime();
  other = { ...t.tenant, id: 'tnt_other' as TenantId, slug: 'other', issuer: 'http://localhost:4000/t/other', name: 'Other' };
  await obtainTenant(t.runtime.store, { ...other, createdAt: new Date() });
});
afterAll(() => t.end());

describe('ABUSE-67: what belongs to one tenant', () => {
  it('account, password and link open nothing at another', async () => {
    const made = await createUser(t.runtime, t.tenant, { email, isAdmin: true, origin });
    if (!made.ok) throw new Error(made.problem);
    const userId = made.user.id;
    const issued = await issueLink(t.runtime, t.tenant, { purpose: 'invitation', userId, origin });
    if (!issued.ok) throw new Error(issued.problem);
    const token = issued.link.url.split('/').at(-1) ?? '';
    expect(await describeLink(t.runtime, other, token)).toBeUndefined();
    expect(await redeemLink(t.runtime, other, { token, password, origin })).toEqual({ ok: false, problem: 'unknown-link' });
    expect(await redeemLink(t.runtime, t.tenant, { token, password, origin })).toMatchObject({ ok: true });
    expect(await signIn(t.runtime, t.tenant, { email, password, origin })).toMatchObject({ ok: true });
    expect(await signIn(t.runtime, other, { email, password, origin })).toEqual({ ok: false, problem: 'no-match' });
    expect(await listUsers(t.runtime, other)).toEqual([]);
    expect(await disableUser(t.runtime, other, { userId, origin })).toEqual({ ok: false, problem: 'unknown-user' });
    expect(await issueFirstAdminLink(t.runtime, t.tenant, origin)).toBeUndefined();
    expect(await issueFirstAdminLink(t.runtime, other, origin)).toMatchObject({ url: expect.stringContaining(`${other.issuer}/link/`) });
  });

  it('server and credential are unknown at another, and the resource is free there', async () => {
    const resource = 'https://mcp.example/mcp';
    const added = await addServer(t.runtime, t.tenant, { resource, name: 'Notes', origin });
    if (!added.ok) throw new Error(added.problem.kind);
    const { server, credential } = added;
    expect(await authenticateServer(t.runtime, other, { id: server.id, secret: credential })).toBeUndefined();
    expect(await findServerByName(t.runtime, other, server.id)).toBeUndefined();
    expect(await findServerByName(t.runtime, other, resource)).toBeUndefined();
    expect(await rotateServerCredential(t.runtime, other, { serverId: server.id, origin })).toMatchObject({ ok: false });
    expect(await removeServer(t.runtime, other, { serverId: server.id, origin })).toMatchObject({ ok: false });
    expect(await addServer(t.runtime, other, { resource, name: 'Notes', origin })).toMatchObject({ ok: true });
  });
});

describe('the root tenant', () => {
  it('is made once, and follows the issuer URL of the settings', async () => {
    const fresh = await createTestRuntime();
    try {
      const [first, second] = await Promise.all([
        ensureRootTenant(fresh.runtime, 'http://localhost:4000'),
        ensureRootTenant(fresh.runtime, 'http://localhost:4000'),
      ]);
      expect(first).toEqual(second);
      expect(await ensureRootTenant(fresh.runtime, 'https://auth.example.com')).toMatchObject({
        id: 'root',
        issuer: 'https://auth.example.com',
      });
      expect(await fresh.runtime.store.tenant.count()).toBe(1);
    } finally {
      await fresh.end();
    }
  });
});
