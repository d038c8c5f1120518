import { type InstallationId, idPrefixes } from '../domain/ids.ts';
import { findApiKey } from '../store/api-keys.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { type Database, transact } from '../store/client.ts';
import { findClientOfServiceAccount } from '../store/clients.ts';
import { findConsent, lockConsent } from '../store/consents.ts';
import { findInstallation } from '../store/installations.ts';
import { invalidateMachineStatus } from '../store/machine-status.ts';
import { findHolderOfIndex, invalidateStatusOfInstallations, type StatusHolderId } from '../store/status.ts';
import { findAssignmentOfId, lockAssignment } from '../store/tool-assignments.ts';
import { aboutKey } from './create-api-key.ts';
import type { MachineId } from './find-machine.ts';
import { aboutMachine } from './issue-machine-access.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

interface Revocation {
  /** Who revokes: a client, or an API key. */
  clientId: MachineId;
  status: { list: number; index: number };
  origin: Origin;
}

/**
 * Revokes the access tokens that a status index stands for (RFC 7009): of an installation, of a machine client at one server, or of an
 * API key. That goes on: its next token takes a new index. Another client's token, or one revoked before: nothing happens (ABUSE-53).
 */
export async function revokeAccessToken(runtime: Runtime, tenant: Tenant, revocation: Revocation): Promise<void> {
  await transact(runtime.store, async (db) => {
    const holder = await findHolderOfIndex(db, tenant.id, revocation.status);
    if (!holder) return;
    const at = runtime.clock.now();
    const about = await endTokens(db, tenant, { ...revocation, holder, at });
    if (!about) return;
    const { origin, clientId } = revocation;
    await recordAuditEvent(db, tenant.id, {
      ...origin,
      ...about,
      type: 'token.revoked',
      outcome: 'success',
      at,
      ...aboutMachine(clientId),
      detail: { token: 'access' },
    });
  });
}

type About = Partial<Parameters<typeof recordAuditEvent>[2]>;

/** Ends them; undefined when they are not the caller's, or have ended. */
function endTokens(db: Database, tenant: Tenant, end: Revocation & { holder: StatusHolderId; at: Date }): Promise<About | undefined> {
  const { holder } = end;
  if (holder.startsWith(idPrefixes.apiKey)) return endKeyTokens(db, tenant, end);
  if (holder.startsWith(idPrefixes.toolAssignment)) return endMachineTokens(db, tenant, end);
  return endInstallationTokens(db, tenant, end);
}

async function endInstallationTokens(
  db: Database,
  tenant: Tenant,
  { clientId, status, holder, at }: Revocation & { holder: StatusHolderId; at: Date },
): Promise<About | undefined> {
  const found = await findInstallation(db, tenant.id, holder as InstallationId);
  if (!found) return undefined;
  await lockConsent(db, tenant.id, found.consentId, 'update');
  const installation = await findInstallation(db, tenant.id, found.id);
  const consent = await findConsent(db, tenant.id, found.consentId);
  if (consent?.clientId !== clientId || !isSame(installation?.status, status)) return undefined;
  await invalidateStatusOfInstallations(db, tenant.id, [found.id], at);
  const { userId, serverId, id: consentId, version: consentVersion } = consent;
  return { userId, serverId, consentId, consentVersion, installationId: found.id };
}

async function endMachineTokens(
  db: Database,
  tenant: Tenant,
  { clientId, status, holder, at }: Revocation & { holder: StatusHolderId; at: Date },
): Promise<About | undefined> {
  const found = await findAssignmentOfId(db, tenant.id, holder);
  if (!found) return undefined;
  const { serviceAccountId, serverId } = found;
  await lockAssignment(db, tenant.id, { serviceAccountId, serverId });
  const assignment = await findAssignmentOfId(db, tenant.id, holder);
  const client = await findClientOfServiceAccount(db, tenant.id, serviceAccountId);
  if (client?.id !== clientId || !isSame(assignment?.status, status)) return undefined;
  await invalidateMachineStatus(db, tenant.id, { clientOf: serviceAccountId, serverId }, at);
  return { userId: serviceAccountId, serverId };
}

async function endKeyTokens(
  db: Database,
  tenant: Tenant,
  { clientId, status, holder, at }: Revocation & { holder: StatusHolderId; at: Date },
): Promise<About | undefined> {
  const key = holder === clientId ? await findApiKey(db, tenant.id, holder) : undefined;
  if (!key || !isSame(key.status, status)) return undefined;
  await invalidateMachineStatus(db, tenant.id, { apiKeyId: key.id }, at);
  return aboutKey(key);
}

function isSame(a: { list: number; index: number } | undefined, b: { list: number; index: number }): boolean {
  return a?.list === b.list && a.index === b.index;
}
