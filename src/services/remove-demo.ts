import { sha256 } from '../platform/digest.ts';
import { transact } from '../store/client.ts';
import { listConsents } from '../store/consents.ts';
import { listDemoServers, setServerCredentialDigest } from '../store/servers.ts';
import { clearDemoPasswords } from '../store/users.ts';
import { newServerCredential } from './add-server.ts';
import { disableLocked } from './disable-user.ts';
import { endConsent } from './end-consent.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/**
 * Takes the demo's credentials away, before an issuer starts without it: its accounts lose password, sessions and consents
 * (and so every token), its servers their credential. The rows stay, marked and without effect. Returns whether there was any.
 */
export async function removeDemo(runtime: Runtime, tenant: Tenant): Promise<boolean> {
  const origin: Origin = { actorType: 'issuer' };
  const { users, servers } = await transact(runtime.store, async (db) => {
    const at = runtime.clock.now();
    const users = await clearDemoPasswords(db, tenant.id);
    for (const userId of users) await disableLocked(db, tenant, { userId, origin, at });
    const servers = await listDemoServers(db, tenant.id);
    for (const { id } of servers) await setServerCredentialDigest(db, tenant.id, id, sha256(newServerCredential()));
    return { users, servers };
  });
  // Ended as well, so that no refresh token comes back to life with the next demo.
  for (const userId of users) {
    for (const { id } of await listConsents(runtime.store, tenant.id, { userId })) {
      await endConsent(runtime, tenant, { consentId: id, userId, reason: 'ended-by-admin', origin });
    }
  }
  return users.length + servers.length > 0;
}
