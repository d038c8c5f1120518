import { idPrefixes, type ServerId } from '../domain/ids.ts';
import { isEqualConstantTime, sha256 } from '../platform/digest.ts';
import { findServer, findServerCredentialDigest, type StoredServer } from '../store/servers.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** Checks a server credential; undefined for an unknown server and a wrong secret alike. */
export async function authenticateServer(
  runtime: Pick<Runtime, 'store'>,
  tenant: Tenant,
  { id, secret }: { id: string; secret: string },
): Promise<StoredServer | undefined> {
  if (!id.startsWith(idPrefixes.server) || id.length > 64) return undefined;
  const digest = await findServerCredentialDigest(runtime.store, tenant.id, id as ServerId);
  // Compared for an unknown server as well; an id is no secret, but there is no reason to tell.
  const matches = isEqualConstantTime(sha256(secret), digest ?? '');
  return matches ? findServer(runtime.store, tenant.id, id as ServerId) : undefined;
}
