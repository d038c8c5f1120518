import type { ClientId, UserId } from '../domain/ids.ts';
import { sha256 } from '../platform/digest.ts';
import { findArtifact } from '../store/artifacts.ts';
import { findFirstConsent } from '../store/client-consents.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** Whether a person has ever allowed a client something, on any server. */
export async function hasAllowedClient(
  runtime: Pick<Runtime, 'store'>,
  tenant: Pick<Tenant, 'id'>,
  { clientId, userId }: { clientId: ClientId; userId: UserId },
): Promise<boolean> {
  return (await findFirstConsent(runtime.store, tenant.id, { clientId, userId })) !== undefined;
}

/** Whether a code or refresh token was made for a client, used or ended ones included: who shows it is that client, or robbed it. */
export async function isMadeForClient(
  runtime: Pick<Runtime, 'store'>,
  tenant: Pick<Tenant, 'id'>,
  { clientId, presented }: { clientId: ClientId; presented: string },
): Promise<boolean> {
  const digest = sha256(presented);
  for (const model of ['RefreshToken', 'AuthorizationCode']) {
    const artifact = await findArtifact(runtime.store, tenant.id, { model, digest });
    if (artifact) return artifact.payload['clientId'] === clientId;
  }
  return false;
}
