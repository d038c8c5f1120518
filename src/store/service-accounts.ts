import { type ClientId, idPrefixes, type ServiceAccountId, type TenantId } from '../domain/ids.ts';
import { randomId } from '../platform/random.ts';
import type { Database } from './client.ts';
import type { Prisma } from './generated/client.ts';

/** A subject that is no person. */
export interface StoredServiceAccount {
  id: ServiceAccountId;
  /** What operators read. */
  name: string;
  createdAt: Date;
  disabledAt?: Date;
  /** The machine client that acts as it. */
  clientId?: ClientId;
}

const withClient = { clients: { select: { id: true } } } satisfies Prisma.ServiceAccountInclude;

function toAccount(row: Prisma.ServiceAccountGetPayload<{ include: typeof withClient }>): StoredServiceAccount {
  const [client] = row.clients;
  return {
    id: row.id as ServiceAccountId,
    name: row.name,
    createdAt: row.createdAt,
    ...(row.disabledAt && { disabledAt: row.disabledAt }),
    ...(client && { clientId: client.id as ClientId }),
  };
}

/** Makes a service account. */
export async function createServiceAccount(
  db: Database,
  tenantId: TenantId,
  account: Pick<StoredServiceAccount, 'name' | 'createdAt'>,
): Promise<ServiceAccountId> {
  const id = randomId(idPrefixes.serviceAccount) as ServiceAccountId;
  await db.serviceAccount.create({ data: { ...account, tenantId, id } });
  return id;
}

/** Finds a service account, disabled ones included. */
export async function findServiceAccount(
  db: Database,
  tenantId: TenantId,
  id: ServiceAccountId,
): Promise<StoredServiceAccount | undefined> {
  const row = await db.serviceAccount.findUnique({ where: { tenantId_id: { tenantId, id } }, include: withClient });
  return row ? toAccount(row) : undefined;
}

/** Lists all service accounts, oldest first. */
export async function listServiceAccounts(db: Database, tenantId: TenantId): Promise<StoredServiceAccount[]> {
  const rows = await db.serviceAccount.findMany({
    where: { tenantId },
    include: withClient,
    orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
  });
  return rows.map(toAccount);
}

/** Locks a service account until the transaction ends; false when there is none. */
export async function lockServiceAccount(db: Database, tenantId: TenantId, id: ServiceAccountId): Promise<boolean> {
  const rows = await db.$queryRaw<unknown[]>`SELECT 1 FROM service_accounts WHERE tenant_id = ${tenantId} AND id = ${id} FOR UPDATE`;
  return rows.length > 0;
}

/** Disables a service account (`at`) or enables it (null); false when it was so before. */
export async function setServiceAccountDisabled(db: Database, tenantId: TenantId, id: ServiceAccountId, at: Date | null): Promise<boolean> {
  const { count } = await db.serviceAccount.updateMany({
    where: { tenantId, id, disabledAt: at ? null : { not: null } },
    data: { disabledAt: at },
  });
  return count === 1;
}

/** Removes a service account with its assignments and API keys. Turn their status indices invalid first: tokens outlive the rows. */
export async function deleteServiceAccount(db: Database, tenantId: TenantId, id: ServiceAccountId): Promise<void> {
  await db.serviceAccount.deleteMany({ where: { tenantId, id } });
}
