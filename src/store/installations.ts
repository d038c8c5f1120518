import { type ConsentId, type InstallationId, idPrefixes, type TenantId } from '../domain/ids.ts';
import type { ListPage } from '../domain/list-page.ts';
import { randomId } from '../platform/random.ts';
import type { Database } from './client.ts';
import { Prisma } from './generated/client.ts';
import { fromJsonRow } from './json-row.ts';

/** One place a client is used from. */
export interface Installation {
  id: InstallationId;
  consentId: ConsentId;
  grantId: string;
  requestedScopes: string[];
  /** Its index in the status list; absent until the next token takes one. */
  status?: { list: number; index: number };
  createdAt: Date;
  /** Where it began. */
  place: InstallationPlace;
  lastTokenAt?: Date;
  endedAt?: Date;
  endReason?: string;
}

/** Where somebody stood when she connected a client, as far as it is known. */
export interface InstallationPlace {
  /** In our words (domain/browser-words.ts). */
  browser?: string;
  address?: string;
}

function toInstallation(row: Prisma.InstallationGetPayload<object>): Installation {
  const { statusList: list, statusIndex: index } = row;
  return {
    id: row.id as InstallationId,
    consentId: row.consentId as ConsentId,
    grantId: row.grantId,
    requestedScopes: row.requestedScopes,
    createdAt: row.createdAt,
    place: { ...(row.browser !== null && { browser: row.browser }), ...(row.address !== null && { address: row.address }) },
    ...(list !== null && index !== null && { status: { list, index } }),
    ...(row.lastTokenAt && { lastTokenAt: row.lastTokenAt }),
    ...(row.endedAt && { endedAt: row.endedAt }),
    ...(row.endReason && { endReason: row.endReason }),
  };
}

/** Makes an installation for an engine grant. */
export async function createInstallation(
  db: Database,
  tenantId: TenantId,
  installation: { consentId: ConsentId; grantId: string; requestedScopes: string[]; createdAt: Date; place?: InstallationPlace },
): Promise<InstallationId> {
  const id = randomId(idPrefixes.installation) as InstallationId;
  const { place = {}, ...columns } = installation;
  await db.installation.create({ data: { ...columns, ...place, tenantId, id } });
  return id;
}

/** Finds the installation that an engine grant belongs to, ended ones included. */
export async function findInstallationOfGrant(db: Database, tenantId: TenantId, grantId: string): Promise<Installation | undefined> {
  const row = await db.installation.findUnique({ where: { tenantId_grantId: { tenantId, grantId } } });
  return row ? toInstallation(row) : undefined;
}

/** Finds an installation by its id, ended ones included. */
export async function findInstallation(db: Database, tenantId: TenantId, id: InstallationId): Promise<Installation | undefined> {
  const row = await db.installation.findUnique({ where: { tenantId_id: { tenantId, id } } });
  return row ? toInstallation(row) : undefined;
}

/** Where a page of installations begins or ends: at this one, which is not on it. */
export type InstallationPosition = Pick<Installation, 'createdAt' | 'id'>;

/** Lists a page of the installations of a consent that have not ended, newest first. */
export async function listInstallationPage(
  db: Database,
  tenantId: TenantId,
  { consentId, page }: { consentId: ConsentId; page: ListPage<InstallationPosition> },
): Promise<Installation[]> {
  const place = page.before ?? page.after;
  const [beyond, order] = page.before ? [Prisma.raw('>'), Prisma.raw('ASC')] : [Prisma.raw('<'), Prisma.raw('DESC')];
  const rows = await db.$queryRaw<{ installation: unknown }[]>`
    SELECT to_json(i) AS installation FROM installations AS i
    WHERE i.tenant_id = ${tenantId} AND i.consent_id = ${consentId} AND i.ended_at IS NULL
      ${place === undefined ? Prisma.empty : Prisma.sql`AND (i.created_at, i.id) ${beyond} (${place.createdAt}, ${place.id})`}
    ORDER BY i.created_at ${order}, i.id ${order} LIMIT ${page.limit}`;
  return (page.before ? rows.toReversed() : rows).map(({ installation }) => toInstallation(fromJsonRow(installation)));
}

/** Lists the newest installations of some consents that have not ended, newest first, at most `limit` of each, and how many there are of each. */
export async function listNewestInstallations(
  db: Database,
  tenantId: TenantId,
  { consentIds, limit }: { consentIds: readonly ConsentId[]; limit: number },
): Promise<Map<ConsentId, { newest: Installation[]; count: number }>> {
  const rows = await db.$queryRaw<{ installation: unknown; count: number }[]>`
    SELECT to_json(one) AS installation, one.count FROM unnest(${[...consentIds]}::text[]) AS wanted(id)
    CROSS JOIN LATERAL (
      SELECT i.*, (count(*) OVER ())::int AS count FROM installations AS i
      WHERE i.tenant_id = ${tenantId} AND i.consent_id = wanted.id AND i.ended_at IS NULL
      ORDER BY i.created_at DESC, i.id DESC LIMIT ${limit}
    ) AS one
    ORDER BY one.created_at DESC, one.id DESC`;
  const found = new Map<ConsentId, { newest: Installation[]; count: number }>();
  for (const { installation: row, count } of rows) {
    const installation = toInstallation(fromJsonRow(row));
    const { newest } = found.get(installation.consentId) ?? { newest: [] };
    found.set(installation.consentId, { newest: [...newest, installation], count });
  }
  return found;
}

/** Whether a client asked for all of some scopes at once where it is used still. */
export async function wereAskedTogether(
  db: Database,
  tenantId: TenantId,
  { consentId, scopes }: { consentId: ConsentId; scopes: readonly string[] },
): Promise<boolean> {
  const where = { tenantId, consentId, endedAt: null, requestedScopes: { hasEvery: [...scopes] } };
  return (await db.installation.findFirst({ where, select: { id: true } })) !== null;
}

/** When each of some consents was last used for a token, by installations that have ended too. */
export async function findLastUses(db: Database, tenantId: TenantId, consentIds: readonly ConsentId[]): Promise<Map<ConsentId, Date>> {
  const rows = await db.installation.groupBy({
    by: ['consentId'],
    where: { tenantId, consentId: { in: [...consentIds] } },
    _max: { lastTokenAt: true },
  });
  return new Map(rows.flatMap(({ consentId, _max }) => (_max.lastTokenAt ? [[consentId as ConsentId, _max.lastTokenAt] as const] : [])));
}

/**
 * Locks an installation until the transaction ends. A token request does so before it looks for a status index,
 * so that two requests of one installation never assign two.
 */
export async function lockInstallation(db: Database, tenantId: TenantId, id: InstallationId): Promise<void> {
  await db.$queryRaw`SELECT 1 FROM installations WHERE tenant_id = ${tenantId} AND id = ${id} FOR UPDATE`;
}

/** Notes which status index an installation uses from now on. */
export async function assignStatusIndex(
  db: Database,
  tenantId: TenantId,
  id: InstallationId,
  status: { list: number; index: number },
): Promise<void> {
  await db.installation.update({
    where: { tenantId_id: { tenantId, id } },
    data: { statusList: status.list, statusIndex: status.index },
  });
}

/** Notes that a token was issued. */
export async function touchInstallation(db: Database, tenantId: TenantId, id: InstallationId, at: Date): Promise<void> {
  await db.installation.updateMany({ where: { tenantId, id }, data: { lastTokenAt: at } });
}

/** Ends installations that have not ended; returns those it ended, with their grants. */
export async function endInstallations(
  db: Database,
  tenantId: TenantId,
  which: { consentId: ConsentId } | { id: InstallationId },
  end: { at: Date; reason: string },
): Promise<{ id: InstallationId; grantId: string }[]> {
  const ended = await db.installation.updateManyAndReturn({
    where: { tenantId, endedAt: null, ...which },
    data: { endedAt: end.at, endReason: end.reason },
    select: { id: true, grantId: true },
  });
  return ended as { id: InstallationId; grantId: string }[];
}
