import type { Consent, ConsentedTool, ConsentTerms } from '../domain/consent.ts';
import type { OwnTerm } from '../domain/decision.ts';
import { type ClientId, type ConsentId, idPrefixes, type ServerId, type TenantId, type UserId } from '../domain/ids.ts';
import type { ListPage } from '../domain/list-page.ts';
import { randomId } from '../platform/random.ts';
import type { Database } from './client.ts';
import { Prisma } from './generated/client.ts';
import { fromJsonRow } from './json-row.ts';

/** Whom a consent is about. */
export interface ConsentParties {
  userId: UserId;
  clientId: ClientId;
  serverId: ServerId;
}

/** A consent with its parties and the version in force. */
export type StoredConsent = Consent &
  ConsentParties & {
    createdAt: Date;
    decidedAt: Date;
    clientVersion?: number;
    endReason?: string;
    /** Of one that is paused: the version that counts again when it goes on. What stands here allows nothing then. */
    pausedVersion?: number;
  };

const newestVersion = { versions: { orderBy: { version: 'desc' }, take: 1 } } satisfies Prisma.ConsentInclude;
type ConsentRow = Prisma.ConsentGetPayload<{ include: typeof newestVersion }>;

/** A row without a version is a decision not taken yet: no consent. */
function toConsent(row: ConsentRow): StoredConsent | undefined {
  const version = row.versions[0];
  if (!version) return undefined;
  return {
    id: row.id as ConsentId,
    userId: row.userId as UserId,
    clientId: row.clientId as ClientId,
    serverId: row.serverId as ServerId,
    version: version.version,
    ...toTerms(version),
    createdAt: row.createdAt,
    ...(version.clientVersion !== null && { clientVersion: version.clientVersion }),
    ...(version.pausedVersion !== null && { pausedVersion: version.pausedVersion }),
    ...(row.endedAt && { endedAt: row.endedAt }),
    ...(row.endReason && { endReason: row.endReason }),
  };
}

type VersionRow = Pick<
  ConsentRow['versions'][number],
  'tools' | 'resources' | 'prompts' | 'salt' | 'expiresAt' | 'decidedAt' | 'signedInAt' | 'own'
>;

function toTerms(row: VersionRow): Omit<Consent, 'id' | 'version' | 'endedAt'> {
  const { tools, resources, prompts, salt, expiresAt, decidedAt, signedInAt, own } = row;
  const extras = Object.entries(own as Record<string, Written>).map(([extra, term]) => [extra, toOwnTerm(term)]);
  return {
    tools: toTools(tools),
    resources,
    prompts,
    salt,
    decidedAt,
    ...(signedInAt && { signedInAt }),
    ...(extras.length > 0 && { own: Object.fromEntries(extras) as NonNullable<ConsentTerms['own']> }),
    ...(expiresAt && { expiresAt }),
  };
}

/** Tools as they were written; instants in JSON are texts. */
function toTools(json: Prisma.JsonValue): ConsentedTool[] {
  return (json as unknown as (ConsentedTool & Written)[]).map((tool) => (hasInstants(tool) ? { ...tool, ...toOwnTerm(tool) } : tool));
}

type Written = { [Name in keyof OwnTerm]?: string };

function hasInstants({ decidedAt, expiresAt }: Written): boolean {
  return decidedAt !== undefined || expiresAt !== undefined;
}

function toOwnTerm({ decidedAt, signedInAt, expiresAt }: Written): OwnTerm {
  return {
    ...(decidedAt !== undefined && { decidedAt: new Date(decidedAt) }),
    ...(signedInAt !== undefined && { signedInAt: new Date(signedInAt) }),
    ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt) }),
  };
}

/** Finds the consent of one person for one client and one server, ended ones included. */
export async function findConsentOf(db: Database, tenantId: TenantId, parties: ConsentParties): Promise<StoredConsent | undefined> {
  const row = await db.consent.findUnique({
    where: { tenantId_userId_clientId_serverId: { tenantId, ...parties } },
    include: newestVersion,
  });
  return row ? toConsent(row) : undefined;
}

/** Finds a consent by its id, ended ones included. */
export async function findConsent(db: Database, tenantId: TenantId, id: ConsentId): Promise<StoredConsent | undefined> {
  const row = await db.consent.findUnique({ where: { tenantId_id: { tenantId, id } }, include: newestVersion });
  return row ? toConsent(row) : undefined;
}

/** Finds consents by their ids, ended ones included. */
export async function findConsents(db: Database, tenantId: TenantId, ids: readonly ConsentId[]): Promise<Map<ConsentId, StoredConsent>> {
  const rows = await db.consent.findMany({ where: { tenantId, id: { in: [...ids] } }, include: newestVersion });
  return new Map(rows.flatMap((row) => toConsent(row) ?? []).map((consent) => [consent.id, consent]));
}

/** Finds one version of a consent; it never changes. Whether the consent has ended since is not said. */
export async function findConsentVersion(
  db: Database,
  tenantId: TenantId,
  { id, version }: { id: ConsentId; version: number },
): Promise<Consent | undefined> {
  const row = await db.consentVersion.findUnique({
    where: { tenantId_consentId_version: { tenantId, consentId: id, version } },
    select: { tools: true, resources: true, prompts: true, salt: true, expiresAt: true, decidedAt: true, signedInAt: true, own: true },
  });
  if (!row) return undefined;
  return { id, version, ...toTerms(row) };
}

/** Finds consents by their ids as {@link withPausedTerms} gives them, ended ones included. */
export async function findConsentsAsDecided(db: Database, tenantId: TenantId, ids: readonly ConsentId[]): Promise<StoredConsent[]> {
  const consents = [...(await findConsents(db, tenantId, ids)).values()];
  const paused = consents.flatMap(({ id, pausedVersion }) =>
    pausedVersion === undefined ? [] : [{ consentId: id, version: pausedVersion }],
  );
  if (paused.length === 0) return consents;
  const rows = await db.consentVersion.findMany({ where: { tenantId, OR: paused } });
  const terms = new Map(rows.map((row) => [row.consentId, toTerms(row)]));
  return consents.map((consent) => {
    const before = consent.pausedVersion === undefined ? undefined : terms.get(consent.id);
    return before ? { ...consent, ...before, isPaused: true } : consent;
  });
}

/** Gives a consent that is paused the terms that it has when it goes on, marked as paused; any other as it is. */
export async function withPausedTerms(db: Database, tenantId: TenantId, consent: StoredConsent): Promise<StoredConsent> {
  const { pausedVersion, id } = consent;
  const paused = pausedVersion === undefined ? undefined : await findConsentVersion(db, tenantId, { id, version: pausedVersion });
  return paused ? { ...consent, ...paused, version: consent.version, isPaused: true } : consent;
}

/** Where a page of consents begins or ends: at this one, which is not on it. */
export interface ConsentPlace {
  createdAt: Date;
  id: ConsentId;
}

/** Lists all consents that have not ended (expired ones included), newest first: for whoever ends them. */
export async function listConsents(db: Database, tenantId: TenantId, filter: Partial<ConsentParties>): Promise<StoredConsent[]> {
  const rows = await db.consent.findMany({
    where: { tenantId, endedAt: null, ...filter },
    include: newestVersion,
    orderBy: [{ createdAt: 'desc' }, { id: 'asc' }],
  });
  return rows.flatMap((row) => toConsent(row) ?? []);
}

/** Lists a page of the consents in force, newest first; those for a blocked client, or for a server that is being removed, are not. It is found by its place, not by counting what comes before. */
export async function listConsentPage(
  db: Database,
  tenantId: TenantId,
  { now, filter, page }: { now: Date; filter: Partial<ConsentParties>; page: ListPage<ConsentPlace> },
): Promise<StoredConsent[]> {
  const { userId, clientId, serverId } = filter;
  const isBackwards = page.before !== undefined;
  const place = page.before ?? page.after;
  const [beyond, order] = isBackwards ? [Prisma.raw('>'), Prisma.raw('ASC')] : [Prisma.raw('<'), Prisma.raw('DESC')];
  const rows = await db.$queryRaw<{ consent: unknown; version: unknown }[]>`
    SELECT to_json(c) AS consent, to_json(newest) AS version FROM consents AS c
    CROSS JOIN LATERAL (
      SELECT * FROM consent_versions AS v WHERE v.tenant_id = c.tenant_id AND v.consent_id = c.id ORDER BY v.version DESC LIMIT 1
    ) AS newest
    JOIN clients AS k ON k.tenant_id = c.tenant_id AND k.id = c.client_id AND k.blocked_at IS NULL
    JOIN servers AS s ON s.tenant_id = c.tenant_id AND s.id = c.server_id AND s.removed_at IS NULL
    WHERE c.tenant_id = ${tenantId} AND c.ended_at IS NULL AND (newest.expires_at IS NULL OR newest.expires_at > ${now})
      ${userId === undefined ? Prisma.empty : Prisma.sql`AND c.user_id = ${userId}`}
      ${clientId === undefined ? Prisma.empty : Prisma.sql`AND c.client_id = ${clientId}`}
      ${serverId === undefined ? Prisma.empty : Prisma.sql`AND c.server_id = ${serverId}`}
      ${place === undefined ? Prisma.empty : Prisma.sql`AND (c.created_at, c.id) ${beyond} (${place.createdAt}, ${place.id})`}
    ORDER BY c.created_at ${order}, c.id ${order} LIMIT ${page.limit}`;
  return (isBackwards ? rows.toReversed() : rows).flatMap((row) => consentFromJson(row.consent, row.version) ?? []);
}

/** Reads a row and its newest version that came as JSON; null where there is none. */
export function consentFromJson(consent: unknown, version: unknown): StoredConsent | undefined {
  if (consent === null || version === null) return undefined;
  return toConsent({ ...fromJsonRow<Omit<ConsentRow, 'versions'>>(consent), versions: [fromJsonRow(version)] });
}

/**
 * Locks a consent until the transaction ends. Whoever **changes** what it may do locks `for update` before the change
 * and before invalidating status indices; whoever **issues** a token locks `for share` before reading the terms.
 * So no token with old terms gets a status index after the change has swept them.
 */
export async function lockConsent(db: Database, tenantId: TenantId, id: ConsentId, mode: 'share' | 'update'): Promise<void> {
  if (mode === 'share') await db.$queryRaw`SELECT 1 FROM consents WHERE tenant_id = ${tenantId} AND id = ${id} FOR SHARE`;
  else await db.$queryRaw`SELECT 1 FROM consents WHERE tenant_id = ${tenantId} AND id = ${id} FOR UPDATE`;
}

/** Locks `for update` all consents for a server that have not ended, in the order of their ids (so that two of these never dead-lock). */
export async function lockConsentsOfServer(db: Database, tenantId: TenantId, serverId: ServerId): Promise<void> {
  await db.$queryRaw`SELECT 1 FROM consents WHERE tenant_id = ${tenantId} AND server_id = ${serverId} AND ended_at IS NULL ORDER BY id FOR UPDATE`;
}

/** The same for all consents of a person. */
export async function lockConsentsOfUser(db: Database, tenantId: TenantId, userId: UserId): Promise<void> {
  await db.$queryRaw`SELECT 1 FROM consents WHERE tenant_id = ${tenantId} AND user_id = ${userId} AND ended_at IS NULL ORDER BY id FOR UPDATE`;
}

/** Returns the consent row of these parties, made if it is not there, locked `for update` until the transaction ends. */
export async function obtainConsentRow(db: Database, tenantId: TenantId, parties: ConsentParties, now: Date): Promise<ConsentId> {
  const rows = await db.$queryRaw<{ id: string }[]>`
    INSERT INTO consents (tenant_id, id, user_id, client_id, server_id, created_at)
    VALUES (${tenantId}, ${randomId(idPrefixes.consent)}, ${parties.userId}, ${parties.clientId}, ${parties.serverId}, ${now})
    ON CONFLICT (tenant_id, user_id, client_id, server_id) DO UPDATE SET user_id = EXCLUDED.user_id
    RETURNING id`;
  const row = rows[0];
  if (!row) throw new Error('consent row was neither found nor made');
  return row.id as ConsentId;
}

/** Adds a version to a consent that the caller holds locked, and brings an ended consent back into force. */
export async function addConsentVersion(
  db: Database,
  tenantId: TenantId,
  consent: {
    id: ConsentId;
    version: number;
    terms: ConsentTerms;
    salt: string;
    origin: 'consent' | 'account' | 'widen';
    /** Which version of the client the person saw, where any are kept. */
    clientVersion: number | undefined;
    decidedAt: Date;
    signedInAt: Date | undefined;
    /** Of a pause: the version that it interrupts. */
    pausedVersion?: number;
  },
): Promise<void> {
  const { terms } = consent;
  await db.consentVersion.create({
    data: {
      tenantId,
      consentId: consent.id,
      version: consent.version,
      tools: terms.tools as unknown as Prisma.InputJsonArray,
      resources: terms.resources,
      prompts: terms.prompts,
      salt: consent.salt,
      origin: consent.origin,
      expiresAt: terms.expiresAt ?? null,
      clientVersion: consent.clientVersion ?? null,
      decidedAt: consent.decidedAt,
      signedInAt: consent.signedInAt ?? null,
      pausedVersion: consent.pausedVersion ?? null,
      own: (terms.own ?? {}) as unknown as Prisma.InputJsonObject,
    },
  });
  await db.consent.update({ where: { tenantId_id: { tenantId, id: consent.id } }, data: { endedAt: null, endReason: null } });
}

/** Ends a consent; false when it had ended before. */
export async function endConsentRow(db: Database, tenantId: TenantId, id: ConsentId, end: { at: Date; reason: string }): Promise<boolean> {
  const { count } = await db.consent.updateMany({
    where: { tenantId, id, endedAt: null },
    data: { endedAt: end.at, endReason: end.reason },
  });
  return count === 1;
}

/** The number of the newest version of a consent; 0 when it has none yet. */
export async function findNewestVersion(db: Database, tenantId: TenantId, consentId: ConsentId): Promise<number> {
  const { _max } = await db.consentVersion.aggregate({ where: { tenantId, consentId }, _max: { version: true } });
  return _max.version ?? 0;
}

/** Consents that have not ended, expired ones included, in the order of their ids: those behind `after`, at most `limit`. */
export async function listConsentIdsInForce(
  db: Database,
  tenantId: TenantId,
  { after, limit }: { after: ConsentId | undefined; limit: number },
): Promise<ConsentId[]> {
  const where = { tenantId, endedAt: null, ...(after && { id: { gt: after } }) };
  const rows = await db.consent.findMany({ where, select: { id: true }, orderBy: { id: 'asc' }, take: limit });
  return rows.map(({ id }) => id as ConsentId);
}
