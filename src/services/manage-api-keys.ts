/** API keys that are there: listed, replaced, revoked; by an operator, or by the person whose they are. */
import { type ApiKeyStanding, apiKeyStanding, keptApiKeySeconds } from '../domain/api-key.ts';
import type { EffectiveTools } from '../domain/effective-tools.ts';
import { type ApiKeyId, type ClientId, parseApiKeyId, type UserId } from '../domain/ids.ts';
import { sha256 } from '../platform/digest.ts';
import {
  type ApiKeyFilter,
  findApiKey,
  findApiKeyOfDigest,
  listApiKeys as listRows,
  lockApiKey,
  revokeApiKeyRow,
  rotateApiKey as rotateRow,
  type StoredApiKey,
} from '../store/api-keys.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { findClient } from '../store/clients.ts';
import { invalidateMachineStatus } from '../store/machine-status.ts';
import { findServer, type StoredServer } from '../store/servers.ts';
import { lockUser } from '../store/users.ts';
import { aboutKey, newApiKeySecret, problemWithAnother } from './create-api-key.ts';
import { findCatalogue } from './find-catalogue.ts';
import { findKeyMachine, judgeMachine, lookUp, type MachineId, type MachineProblem, SeenByKeys } from './find-machine.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

type WorkRuntime = Pick<Runtime, 'store' | 'clock' | 'log'>;
type WorkTenant = Pick<Tenant, 'id'>;

/** A key as its owner sees it. */
export interface ApiKeyOverview {
  key: StoredApiKey;
  server: StoredServer;
  standing: ApiKeyStanding;
  /** What it may do now; absent: nothing, for that reason. */
  effective?: EffectiveTools;
  problem?: MachineProblem;
}

/** Lists keys, newest first; those that are over for a while. */
export async function listApiKeys(runtime: WorkRuntime, tenant: WorkTenant, filter: ApiKeyFilter = {}): Promise<ApiKeyOverview[]> {
  const now = runtime.clock.now();
  const since = new Date(now.getTime() - keptApiKeySeconds * 1_000);
  const seen = new SeenByKeys();
  const overviews: ApiKeyOverview[] = [];
  for (const key of await listRows(runtime.store, tenant.id, { filter, since })) {
    const overview = await describeKey(runtime, tenant, { key, now, seen });
    if (overview) overviews.push(overview);
  }
  return overviews;
}

/** Finds a key; with `userId`, only one of that person's. */
export async function findApiKeyOverview(
  runtime: WorkRuntime,
  tenant: WorkTenant,
  { id, userId }: { id: string; userId?: UserId },
): Promise<ApiKeyOverview | undefined> {
  const keyId = parseApiKeyId(id);
  const key = keyId && (await findApiKey(runtime.store, tenant.id, keyId));
  const seen = new SeenByKeys();
  return key && isOf(key, userId) ? describeKey(runtime, tenant, { key, now: runtime.clock.now(), seen }) : undefined;
}

async function describeKey(
  runtime: WorkRuntime,
  tenant: WorkTenant,
  { key, now, seen }: { key: StoredApiKey; now: Date; seen: SeenByKeys },
): Promise<ApiKeyOverview | undefined> {
  const { store: db } = runtime;
  const { serverId } = key;
  const server = await lookUp(seen.servers, serverId, () => findServer(db, tenant.id, serverId));
  if (!server) return undefined;
  const standing = apiKeyStanding(key, now);
  const machine = await findKeyMachine(runtime, db, { tenant, key, now, seen });
  if ('problem' in machine) return { key, server, standing, problem: machine.problem };
  const catalogue = await findCatalogue(runtime, db, { tenantId: tenant.id, server });
  const effective = judgeMachine(machine, catalogue, { now, marginSeconds: 0 });
  return { key, server, standing, effective };
}

function isOf({ owner }: StoredApiKey, userId: UserId | undefined): boolean {
  return userId === undefined || ('userId' in owner && owner.userId === userId);
}

/** The new key, which is told once only, and until when the one before works beside it; or why there is none. */
export type ApiKeyRotation =
  | { ok: true; secret: string; key: StoredApiKey; previousUntil?: Date }
  | { ok: false; problem: 'unknown-key' | 'revoked' | 'of-a-person' | 'replaced-meanwhile' | 'too-many-keys' | 'name-taken' };

/** Which key is to be replaced, and what becomes of those before. */
export interface ApiKeyReplacement {
  id: ApiKeyId;
  /** Only a key of this person; absent: only one of a service account. Nobody else is told a key that acts as a person. */
  userId?: UserId;
  /** Only if the key that works is still the one that was made then (`madeAt`): of a button pressed twice, once. */
  madeAt?: Date;
  /**
   * `current`: the one that works now goes on for `overlapSeconds` more, and no longer than it would have; 0 ends it at once, with the
   * tokens that it was exchanged for. `previous`: it was lost, and is refused from now on; the one before goes on as long as it was to.
   */
  keeps?: 'current' | 'previous';
  overlapSeconds: number;
  /** As long as the one before unless given. */
  lifetimeSeconds?: number;
  origin: Origin;
}

/** When the key that works now was made; those before it are the previous ones. */
export function madeAt({ createdAt, rotatedAt }: Pick<StoredApiKey, 'createdAt' | 'rotatedAt'>): Date {
  return rotatedAt ?? createdAt;
}

/** Replaces a key, with a new life. There are never more than two. One of a person's that has expired counts as another key of hers. */
export async function rotateApiKey(runtime: WorkRuntime, tenant: WorkTenant, rotation: ApiKeyReplacement): Promise<ApiKeyRotation> {
  const { id, userId, keeps = 'current', origin } = rotation;
  return transact(runtime.store, async (db): Promise<ApiKeyRotation> => {
    if (userId !== undefined) await lockUser(db, tenant.id, userId);
    await lockApiKey(db, tenant.id, id);
    const before = await findApiKey(db, tenant.id, id);
    if (!before || !isOf(before, userId)) return { ok: false, problem: 'unknown-key' };
    if (userId === undefined && 'userId' in before.owner) return { ok: false, problem: 'of-a-person' };
    if (before.revokedAt) return { ok: false, problem: 'revoked' };
    if (rotation.madeAt && rotation.madeAt.getTime() !== madeAt(before).getTime()) return { ok: false, problem: 'replaced-meanwhile' };
    const at = runtime.clock.now();
    if (userId !== undefined && before.expiresAt <= at) {
      const problem = await problemWithAnother(db, tenant, { userId, name: before.name, now: at });
      if (problem) return { ok: false, problem };
    }
    const secret = newApiKeySecret();
    const lifetimeSeconds = rotation.lifetimeSeconds ?? before.lifetimeSeconds;
    const previousUntil = overlapEnd(before, { ...rotation, at });
    const expiresAt = new Date(at.getTime() + lifetimeSeconds * 1_000);
    await rotateRow(db, tenant.id, id, { digest: sha256(secret), rotatedAt: at, lifetimeSeconds, expiresAt, previousUntil, keeps });
    if (!previousUntil) await invalidateMachineStatus(db, tenant.id, { apiKeyId: id }, at);
    await recordAuditEvent(db, tenant.id, {
      ...origin,
      ...aboutKey(before),
      type: 'api-key.rotated',
      outcome: 'success',
      at,
      detail: { expiresAt: expiresAt.toISOString(), previousUntil: previousUntil?.toISOString() ?? null },
    });
    const key = await findApiKey(db, tenant.id, id);
    if (!key) throw new Error('a key that was locked is gone');
    return { ok: true, secret, key, ...(previousUntil && { previousUntil }) };
  });
}

function overlapEnd(
  { expiresAt, previousUntil }: StoredApiKey,
  { keeps, overlapSeconds, at }: Pick<ApiKeyReplacement, 'keeps' | 'overlapSeconds'> & { at: Date },
): Date | undefined {
  const end = keeps === 'previous' ? previousUntil : new Date(Math.min(at.getTime() + overlapSeconds * 1_000, expiresAt.getTime()));
  return end && end > at ? end : undefined;
}

/** Why a key was revoked. */
export type ApiKeyRevokeReason = 'revoked-by-owner' | 'revoked-by-admin' | 'revoked-by-client' | 'all-ended';

/**
 * Revokes a key: introspection and `/token` refuse it from now on, and tokens that it was exchanged for end. With `userId`, only that
 * person's own. Revoking twice is a success; undefined when there is no such key.
 */
export async function revokeApiKey(
  runtime: WorkRuntime,
  tenant: WorkTenant,
  end: { id: ApiKeyId; userId?: UserId; reason: ApiKeyRevokeReason; origin: Origin },
): Promise<{ isChanged: boolean } | undefined> {
  const { id, userId, reason, origin } = end;
  return transact(runtime.store, async (db) => {
    await lockApiKey(db, tenant.id, id);
    const key = await findApiKey(db, tenant.id, id);
    if (!key || !isOf(key, userId)) return undefined;
    const at = runtime.clock.now();
    if (!(await revokeApiKeyRow(db, tenant.id, id, { at, reason }))) return { isChanged: false };
    await invalidateMachineStatus(db, tenant.id, { apiKeyId: id }, at);
    await recordAuditEvent(db, tenant.id, {
      ...origin,
      ...aboutKey(key),
      type: 'api-key.revoked',
      outcome: 'success',
      at,
      detail: { reason },
    });
    return { isChanged: true };
  });
}

/**
 * Revokes an API key that is shown, for whoever has proven that it is his (RFC 7009): the key itself, or the machine client that acts as the
 * same service account. Another client's, or an unknown one: nothing happens (ABUSE-53).
 */
export async function revokeApiKeyOf(
  runtime: WorkRuntime,
  tenant: WorkTenant,
  { clientId, key: shown, origin }: { clientId: MachineId /** The key itself. */; key: string; origin: Origin },
): Promise<void> {
  const key = await findApiKeyOfDigest(runtime.store, tenant.id, sha256(shown), runtime.clock.now());
  if (!key) return;
  const actsAs = key.id === clientId ? undefined : (await findClient(runtime.store, tenant.id, clientId as ClientId))?.serviceAccountId;
  const isOwn = key.id === clientId || (actsAs !== undefined && 'serviceAccountId' in key.owner && key.owner.serviceAccountId === actsAs);
  if (isOwn) await revokeApiKey(runtime, tenant, { id: key.id, reason: 'revoked-by-client', origin });
}
