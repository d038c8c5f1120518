/**
 * Artifacts: what the protocol engine keeps between requests, by the digest of the opaque id it knows them by.
 * `expires_at` is the truth about their end; consumed ones stay until then, because their reuse must be noticed (ENG-5).
 */
import type { TenantId, UserId } from '../domain/ids.ts';
import type { Database } from './client.ts';
import type { Prisma } from './generated/client.ts';

/** Names one artifact. */
export interface ArtifactKey {
  /** `Session`, `AuthorizationCode`, `RefreshToken`, … */
  model: string;
  /** SHA-256 of the opaque id. */
  digest: string;
}

/** An artifact to keep. `payload` holds neither the id nor anything else that opens a door. */
export interface NewArtifact extends ArtifactKey {
  payload: Readonly<Record<string, unknown>>;
  sealedId?: string;
  grantId?: string;
  accountId?: string;
  uid?: string;
  expiresAt?: Date;
  createdAt: Date;
}

/** An artifact as stored. */
export interface Artifact extends ArtifactKey {
  payload: Record<string, unknown>;
  sealedId?: string;
  uid?: string;
  consumedAt?: Date;
  expiresAt?: Date;
}

function toArtifact(row: Prisma.ArtifactGetPayload<object>): Artifact {
  return {
    model: row.model,
    digest: row.digest,
    payload: row.payload as Record<string, unknown>,
    ...(row.sealedId !== null && { sealedId: row.sealedId }),
    ...(row.uid !== null && { uid: row.uid }),
    ...(row.consumedAt && { consumedAt: row.consumedAt }),
    ...(row.expiresAt && { expiresAt: row.expiresAt }),
  };
}

function toRow(tenantId: TenantId, artifact: NewArtifact) {
  return { ...artifact, tenantId, payload: artifact.payload as Prisma.InputJsonObject };
}

/** Finds an artifact, expired and consumed ones included. */
export async function findArtifact(db: Database, tenantId: TenantId, { model, digest }: ArtifactKey): Promise<Artifact | undefined> {
  const row = await db.artifact.findUnique({ where: { tenantId_model_digest: { tenantId, model, digest } } });
  return row ? toArtifact(row) : undefined;
}

/**
 * Finds an artifact as it is once whoever is changing it has committed or given up; inside a transaction it then stays so until that
 * ends. Undefined when there is none.
 */
export async function findSettledArtifact(db: Database, tenantId: TenantId, key: ArtifactKey): Promise<Artifact | undefined> {
  const { model, digest } = key;
  await db.$queryRaw`SELECT 1 FROM artifacts WHERE tenant_id = ${tenantId} AND model = ${model} AND digest = ${digest} FOR SHARE`;
  return findArtifact(db, tenantId, key);
}

/** Finds an artifact by its other name. */
export async function findArtifactByUid(
  db: Database,
  tenantId: TenantId,
  { model, uid }: { model: string; uid: string },
): Promise<Artifact | undefined> {
  const row = await db.artifact.findFirst({ where: { tenantId, model, uid }, orderBy: { createdAt: 'desc' } });
  return row ? toArtifact(row) : undefined;
}

/** Keeps an artifact, in place of the one of the same key; whether that one was consumed stays. */
export async function keepArtifact(db: Database, tenantId: TenantId, artifact: NewArtifact): Promise<void> {
  const { model, digest, createdAt: _, ...changes } = toRow(tenantId, artifact);
  await db.artifact.upsert({
    where: { tenantId_model_digest: { tenantId, model, digest } },
    create: toRow(tenantId, artifact),
    update: changes,
  });
}

/** Adds an artifact; false when there is one of this key already. */
export async function addArtifact(db: Database, tenantId: TenantId, artifact: NewArtifact): Promise<boolean> {
  const { count } = await db.artifact.createMany({ data: toRow(tenantId, artifact), skipDuplicates: true });
  return count === 1;
}

/**
 * Consumes an artifact; false when it was consumed before. Compare-and-set in one statement: of any number of callers one
 * wins, and the others wait until its transaction has ended before they are told (ENG-1).
 */
export async function consumeArtifact(db: Database, tenantId: TenantId, { model, digest }: ArtifactKey, at: Date): Promise<boolean> {
  const changed = await db.$executeRaw`
    UPDATE artifacts SET consumed_at = ${at}
    WHERE tenant_id = ${tenantId} AND model = ${model} AND digest = ${digest} AND consumed_at IS NULL`;
  return changed === 1;
}

/** Lets an artifact live at least until `expiresAt`. */
export async function extendArtifact(db: Database, tenantId: TenantId, { model, digest }: ArtifactKey, expiresAt: Date): Promise<void> {
  await db.$executeRaw`
    UPDATE artifacts SET expires_at = GREATEST(expires_at, ${expiresAt})
    WHERE tenant_id = ${tenantId} AND model = ${model} AND digest = ${digest}`;
}

/** Changes an artifact that is there; false when it is gone, and then it stays so. */
export async function changeArtifact(db: Database, tenantId: TenantId, artifact: NewArtifact): Promise<boolean> {
  const { model, digest, createdAt: _, ...changes } = toRow(tenantId, artifact);
  const { count } = await db.artifact.updateMany({ where: { tenantId, model, digest }, data: changes });
  return count === 1;
}

/** Removes an artifact; false when it was gone already, so of several that try one learns that it did. */
export async function deleteArtifact(db: Database, tenantId: TenantId, { model, digest }: ArtifactKey): Promise<boolean> {
  const { count } = await db.artifact.deleteMany({ where: { tenantId, model, digest } });
  return count === 1;
}

/** Removes artifacts by their other name. */
export async function deleteArtifactsByUid(
  db: Database,
  tenantId: TenantId,
  { model, uid }: { model: string; uid: string },
): Promise<void> {
  await db.artifact.deleteMany({ where: { tenantId, model, uid } });
}

/** Signs a person out everywhere, except in the session named by `keepUid`; returns how many sessions ended. */
export async function deleteSessionsOfUser(db: Database, tenantId: TenantId, userId: UserId, keepUid?: string): Promise<number> {
  // The model is spelled out, because sessions have an index of their own.
  return db.$executeRaw`
    DELETE FROM artifacts WHERE tenant_id = ${tenantId} AND model = 'Session' AND account_id = ${userId}
      AND (uid IS NULL OR uid IS DISTINCT FROM ${keepUid ?? null})`;
}

/** Signs everybody out, and forgets authorization requests and codes under way. */
export async function deleteSignInState(db: Database, tenantId: TenantId): Promise<void> {
  await db.artifact.deleteMany({ where: { tenantId, model: { in: ['Session', 'Interaction', 'AuthorizationCode'] } } });
}
