/** Clients that are a document: the row follows what was fetched, and what people decide by is kept in versions. */
import type { ClientIdentity } from '../domain/client-change.ts';
import type { ClientMetadata } from '../domain/client-metadata.ts';
import type { ClientId, TenantId } from '../domain/ids.ts';
import type { Database } from './client.ts';
import type { Prisma } from './generated/client.ts';

/** What a fetched document says. */
export interface DocumentClient {
  id: ClientId;
  metadata: ClientMetadata;
  fetchedAt: Date;
}

/** Keeps a client that is a document; false when it is there already. */
export async function addDocumentClient(db: Database, tenantId: TenantId, client: DocumentClient & { createdAt: Date }): Promise<boolean> {
  const { id, metadata, fetchedAt, createdAt } = client;
  const data = { tenantId, id, kind: 'document', metadata: toJson(metadata), documentFetchedAt: fetchedAt, createdAt };
  const { count } = await db.client.createMany({ data, skipDuplicates: true });
  return count === 1;
}

/** Replaces what a client says; false when its row is of a later copy of the document. */
export async function updateDocumentClient(db: Database, tenantId: TenantId, client: DocumentClient): Promise<boolean> {
  const { id, metadata, fetchedAt } = client;
  const isOlder = [{ documentFetchedAt: null }, { documentFetchedAt: { lte: fetchedAt } }];
  const data = { metadata: toJson(metadata), documentFetchedAt: fetchedAt };
  const { count } = await db.client.updateMany({ where: { tenantId, id, kind: 'document', OR: isOlder }, data });
  return count === 1;
}

function toJson(metadata: ClientMetadata): Prisma.InputJsonObject {
  return metadata as unknown as Prisma.InputJsonObject;
}

/** Names a version of a client. */
export interface ClientVersionKey {
  clientId: ClientId;
  version: number;
}

/** Finds a version of a client. */
export async function findClientVersion(
  db: Database,
  tenantId: TenantId,
  { clientId, version }: ClientVersionKey,
): Promise<ClientIdentity | undefined> {
  const row = await db.clientVersion.findUnique({ where: { tenantId_clientId_version: { tenantId, clientId, version } } });
  if (!row) return undefined;
  const { name, redirectUris, keysDigest } = row;
  return { redirectUris, ...(name !== null && { name }), ...(keysDigest !== null && { keysDigest }) };
}

/** Adds a version, which is the newest from now on, and forgets those by which nobody decided. The caller holds the client locked. */
export async function addClientVersion(
  db: Database,
  tenantId: TenantId,
  added: ClientVersionKey & { identity: ClientIdentity; since: Date },
): Promise<void> {
  const { clientId, version, identity, since } = added;
  const { redirectUris, ...rest } = identity;
  await db.clientVersion.create({ data: { tenantId, clientId, version, ...rest, redirectUris: [...redirectUris], since } });
  await db.client.update({ where: { tenantId_id: { tenantId, id: clientId } }, data: { version } });
  await db.$executeRaw`
    DELETE FROM client_versions v WHERE v.tenant_id = ${tenantId} AND v.client_id = ${clientId} AND v.version < ${version}
      AND NOT EXISTS (
        SELECT 1 FROM consents k JOIN consent_versions d ON d.tenant_id = k.tenant_id AND d.consent_id = k.id
        WHERE k.tenant_id = v.tenant_id AND k.client_id = v.client_id AND d.client_version = v.version)`;
}
