/**
 * The demo's rows: a sample account, the demo server and its credential. Each is marked, and a start without `--demo` takes away
 * whatever opens a door with them, because the password is printed in the documentation.
 */
import type { ServerId } from '../domain/ids.ts';
import { parseResourceUri } from '../domain/resource-uri.ts';
import { sha256 } from '../platform/digest.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { type Database, transact } from '../store/client.ts';
import { createServer, findServerByResourceKey, setServerCredentialDigest } from '../store/servers.ts';
import { createUser, findSignInSecret, setDisabled, setPasswordHash } from '../store/users.ts';
import { newServerCredential } from './add-server.ts';
import { findServerRemoval, finishServerRemoval } from './remove-server.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** The sample account. Everybody knows it: it exists on loopback issuers with `--demo` only. */
export const demoAccount = { email: 'demo@example.com', password: 'let the demo agent in' } as const;

/** The demo would take over something that somebody made for real; the message says what, and what helps. */
export class DemoConflict extends Error {
  override readonly name = 'DemoConflict';
}

/** What the demo needs to run. */
export interface PreparedDemo {
  serverId: ServerId;
  /** Of this run only. */
  credential: string;
}

/** Makes the demo's rows, or brings those of an earlier run back to use. Throws `DemoConflict`. */
export async function prepareDemo(runtime: Runtime, tenant: Tenant, demo: { resource: string; serverName: string }): Promise<PreparedDemo> {
  const origin: Origin = { actorType: 'issuer' };
  const uri = parseResourceUri(demo.resource);
  if ('problem' in uri) throw new Error(`the demo's resource ${demo.resource} is no resource URI: ${uri.problem}`);
  const known = await findSignInSecret(runtime.store, tenant.id, demoAccount.email);
  const check = known?.passwordHash === undefined ? undefined : await runtime.passwords.verify(demoAccount.password, known.passwordHash);
  const passwordHash = check?.matches && !check.needsRehash ? undefined : await runtime.passwords.hash(demoAccount.password);
  const credential = newServerCredential();
  // Nobody else may be there to bring it to its end.
  const leaving = await findServerRemoval(runtime, tenant, demo.resource);
  if (leaving) await finishServerRemoval(runtime, { tenantId: tenant.id, serverId: leaving.id });
  return transact(runtime.store, async (db) => {
    const at = runtime.clock.now();
    await obtainAccount(db, tenant, { passwordHash, origin, at });
    const standing = await findServerByResourceKey(db, tenant.id, uri.key);
    if (standing && !standing.demo)
      throw new DemoConflict(
        `${demo.resource} is registered as a server of your own (${standing.id}). Remove it, or set TOOLGRANT_DEMO_PORT.`,
      );
    if (standing) {
      await setServerCredentialDigest(db, tenant.id, standing.id, sha256(credential));
      await recordAuditEvent(db, tenant.id, {
        ...origin,
        type: 'server.credential-rotated',
        outcome: 'success',
        at,
        serverId: standing.id,
      });
      return { serverId: standing.id, credential };
    }
    const { serverName: name } = demo;
    const id = await createServer(db, tenant.id, { uri, name, demo: true, credentialDigest: sha256(credential), createdAt: at });
    if (!id) throw new Error(`the demo's server appeared while it was being made: ${demo.resource}`);
    const about = { serverId: id, detail: { resource: uri.resource, name, demo: true } };
    await recordAuditEvent(db, tenant.id, { ...origin, ...about, type: 'server.added', outcome: 'success', at });
    return { serverId: id, credential };
  });
}

async function obtainAccount(
  db: Database,
  tenant: Tenant,
  account: { passwordHash: string | undefined; origin: Origin; at: Date },
): Promise<void> {
  const { passwordHash, origin, at } = account;
  const { email } = demoAccount;
  const known = (await findSignInSecret(db, tenant.id, email))?.user;
  if (known && !known.demo)
    throw new DemoConflict(
      `${email} is an account of your own, and the demo's password is public. Start without --demo, or with another data folder.`,
    );
  if (!known) {
    if (passwordHash === undefined) throw new Error('the sample account vanished while the demo was prepared');
    const userId = await createUser(db, tenant.id, { email, name: 'Demo', isAdmin: false, demo: true, passwordHash, createdAt: at });
    if (userId)
      await recordAuditEvent(db, tenant.id, { ...origin, type: 'user.created', outcome: 'success', at, userId, detail: { demo: true } });
    return;
  }
  const event = { ...origin, outcome: 'success' as const, at, userId: known.id, detail: { demo: true } };
  if (passwordHash !== undefined) {
    await setPasswordHash(db, tenant.id, known.id, { passwordHash, changedAt: at });
    await recordAuditEvent(db, tenant.id, { ...event, type: 'user.password-changed' });
  }
  if (await setDisabled(db, tenant.id, known.id, null)) await recordAuditEvent(db, tenant.id, { ...event, type: 'user.enabled' });
}
