/** What people allowed a client, or many clients: set operations on a page of consents at a time, because a client may have many people. */
import type { ClientId, ConsentId, TenantId, UserId } from '../domain/ids.ts';
import type { Database } from './client.ts';
import { vouchedClients } from './clients.ts';
import { Prisma } from './generated/client.ts';

/** Where a page of consents begins, in the order of their ids, and how long it is. */
interface IdPage {
  after: string;
  limit: number;
}

/** A page of the consents for a client that have not ended, locked `for update`. */
export async function lockConsentsOfClient(
  db: Database,
  tenantId: TenantId,
  clientId: ClientId,
  { after, limit }: IdPage,
): Promise<ConsentId[]> {
  const rows = await db.$queryRaw<{ id: string }[]>`
    SELECT id FROM consents WHERE tenant_id = ${tenantId} AND client_id = ${clientId} AND id > ${after} AND ended_at IS NULL
    ORDER BY id LIMIT ${limit} FOR UPDATE`;
  return rows.map(({ id }) => id as ConsentId);
}

/** The same of all clients that a tenant's quarantine concerns. */
export async function lockConsentsOfUnverifiedClients(db: Database, tenantId: TenantId, { after, limit }: IdPage): Promise<ConsentId[]> {
  const rows = await db.$queryRaw<{ id: string }[]>`
    SELECT k.id FROM consents AS k JOIN clients AS c ON c.tenant_id = k.tenant_id AND c.id = k.client_id
    WHERE k.tenant_id = ${tenantId} AND k.id > ${after} AND k.ended_at IS NULL AND c.kind <> 'manual' AND c.verified_at IS NULL
    ORDER BY k.id LIMIT ${limit} FOR UPDATE OF k`;
  return rows.map(({ id }) => id as ConsentId);
}

/** Turns all status indices of some consents' installations invalid; the next token of each takes a new one. Lock the consents first. */
export async function invalidateStatusOfConsents(db: Database, tenantId: TenantId, ids: readonly ConsentId[], now: Date): Promise<void> {
  await db.$executeRaw`
    UPDATE status_entries AS s SET invalid_at = ${now}
    FROM installations AS i
    WHERE i.tenant_id = ${tenantId} AND i.consent_id = ANY (${[...ids]}::text[]) AND i.status_index IS NOT NULL
      AND s.tenant_id = ${tenantId} AND s.installation_id = i.id AND s.invalid_at IS NULL`;
  await db.$executeRaw`
    UPDATE installations SET status_list = NULL, status_index = NULL
    WHERE tenant_id = ${tenantId} AND consent_id = ANY (${[...ids]}::text[]) AND status_index IS NOT NULL`;
}

/** Ends some consents, and all installations of them; returns how many of each. Lock the consents first. */
export async function endConsents(
  db: Database,
  tenantId: TenantId,
  ids: readonly ConsentId[],
  { at, reason }: { at: Date; reason: string },
): Promise<{ consents: number; installations: number }> {
  const installations = await db.$executeRaw`
    UPDATE installations SET ended_at = ${at}, end_reason = 'consent-ended'
    WHERE tenant_id = ${tenantId} AND consent_id = ANY (${[...ids]}::text[]) AND ended_at IS NULL`;
  const consents = await db.$executeRaw`
    UPDATE consents SET ended_at = ${at}, end_reason = ${reason}
    WHERE tenant_id = ${tenantId} AND id = ANY (${[...ids]}::text[]) AND ended_at IS NULL`;
  return { consents, installations };
}

/** Of how many consents for a client the first are looked at when its people are counted. */
const maxCounted = 400;

/** How many people use a client; `isMore`: at least so many. */
export interface PeopleCount {
  count: number;
  isMore: boolean;
}

/** Counts the people who allow a client something now. Bounded: of a client of many it looks at some. */
export async function countPeopleOfClient(
  db: Database,
  tenantId: TenantId,
  { clientId, now }: { clientId: ClientId; now: Date },
): Promise<PeopleCount> {
  const [row] = await db.$queryRaw<PeopleRow[]>(peopleOf(tenantId, { clientId, now }));
  return toPeopleCount(row);
}

interface PeopleRow {
  people: bigint;
  rows: bigint;
}

function peopleOf(tenantId: TenantId, { clientId, now }: { clientId: ClientId; now: Date }): Prisma.Sql {
  return Prisma.sql`
    SELECT count(DISTINCT looked.user_id) FILTER (WHERE newest.expires_at IS NULL OR newest.expires_at > ${now}) AS people,
      count(*) AS rows
    FROM (
      SELECT id, user_id FROM consents WHERE tenant_id = ${tenantId} AND client_id = ${clientId} AND ended_at IS NULL
      ORDER BY tenant_id, client_id, user_id LIMIT ${maxCounted}
    ) AS looked
    CROSS JOIN LATERAL (
      SELECT v.expires_at FROM consent_versions AS v WHERE v.tenant_id = ${tenantId} AND v.consent_id = looked.id ORDER BY v.version DESC LIMIT 1
    ) AS newest`;
}

function toPeopleCount(row: PeopleRow | undefined): PeopleCount {
  return { count: Number(row?.people ?? 0), isMore: Number(row?.rows ?? 0) >= maxCounted };
}

/** Since when a person has known a client: when she first allowed it something, on any server, whether that stands or not. */
export async function findFirstConsent(
  db: Database,
  tenantId: TenantId,
  parties: { clientId: ClientId; userId: UserId },
): Promise<Date | undefined> {
  const [row] = await db.$queryRaw<{ first: Date | null }[]>`SELECT (${firstConsentOf(tenantId, parties)}) AS first`;
  return row?.first ?? undefined;
}

function firstConsentOf(tenantId: TenantId, { clientId, userId }: { clientId: ClientId; userId: UserId }): Prisma.Sql {
  return Prisma.sql`
    SELECT min(k.created_at) FROM consents AS k WHERE k.tenant_id = ${tenantId} AND k.user_id = ${userId} AND k.client_id = ${clientId}
      AND EXISTS (SELECT 1 FROM consent_versions AS v WHERE v.tenant_id = k.tenant_id AND v.consent_id = k.id)`;
}

/** How well a client is known in a tenant, and whom it might be taken for there. */
export interface ClientRenown {
  people: PeopleCount;
  /** When a person first allowed it something, on any server, whether that stands or not; absent: never. */
  knownSinceAt?: Date;
  /** See `readVouchedClients`. */
  vouched: string;
}

/** Finds it out by one statement. At most `maxVouched` clients that an administrator vouches for are among it. */
export async function findClientRenown(
  db: Database,
  tenantId: TenantId,
  asked: { clientId: ClientId; userId: UserId; now: Date; maxVouched: number },
): Promise<ClientRenown> {
  const [row] = await db.$queryRaw<(PeopleRow & { first: Date | null; vouched: string })[]>`
    SELECT p.people, p.rows, (${firstConsentOf(tenantId, asked)}) AS first, (${vouchedClients(tenantId, asked.maxVouched)}) AS vouched
    FROM (${peopleOf(tenantId, asked)}) AS p`;
  if (!row) throw new Error('counting gave no row');
  return { people: toPeopleCount(row), vouched: row.vouched, ...(row.first && { knownSinceAt: row.first }) };
}

/** When any installation of a client last took a token. */
export async function findLastUseOfClient(db: Database, tenantId: TenantId, clientId: ClientId): Promise<Date | undefined> {
  const [row] = await db.$queryRaw<{ last: Date | null }[]>`
    SELECT max(i.last_token_at) AS last FROM consents AS k JOIN installations AS i ON i.tenant_id = k.tenant_id AND i.consent_id = k.id
    WHERE k.tenant_id = ${tenantId} AND k.client_id = ${clientId}`;
  return row?.last ?? undefined;
}

/** How much of a client lasts: consents that have not ended (expired ones included), and installations. */
export async function countConsentsOfClient(
  db: Database,
  tenantId: TenantId,
  clientId: ClientId,
): Promise<{ consents: number; installations: number }> {
  const where = { tenantId, endedAt: null };
  const consents = await db.consent.count({ where: { ...where, clientId } });
  const installations = await db.installation.count({ where: { ...where, consent: { clientId } } });
  return { consents, installations };
}
