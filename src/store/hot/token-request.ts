/**
 * The two statements of a token request that goes the short way: one reads all that it needs, one writes all that it changes.
 * Prepared, around Prisma: by the rows `refresh` and `code` of the bench this is a tenth of the time that the same takes as
 * statements of their own.
 */
import type { AuditEvent } from '../../domain/audit-event.ts';
import type { ClientMetadata } from '../../domain/client-metadata.ts';
import {
  type ClientId,
  type ConsentId,
  type InstallationId,
  idPrefixes,
  type ServerId,
  type TenantId,
  type UserId,
} from '../../domain/ids.ts';
import { randomId } from '../../platform/random.ts';
import type { Artifact, ArtifactKey, NewArtifact } from '../artifacts.ts';
import { poolOf, type Store } from '../client.ts';
import { type ClientStanding, type ClientStandingRow, toClientStanding } from '../client-standing.ts';
import type { PreviousSecret } from '../clients.ts';

/** All that a token request is about, as it stood at one moment: nothing in it has ended, is disabled, blocked, or used. */
export interface TokenRequestFacts {
  /** The authorization code or refresh token that was presented. */
  artifact: Artifact;
  grantId: string;
  grant: Artifact;
  installation: { id: InstallationId; requestedScopes: string[]; status?: { list: number; index: number } };
  consent: { id: ConsentId; version: number; expiresAt?: Date; userId: UserId; clientId: ClientId; serverId: ServerId };
  client: { metadata: ClientMetadata; secretDigest?: string; previousSecret?: PreviousSecret };
  catalogueRevision: number;
  /** How many status lists are open; the last one gives out indices. */
  statusLists: number;
  /** What says whether the client is in quarantine; `text` is the same as long as nothing of it changes. */
  standing: ClientStanding & { text: string };
}

interface FactsRow extends ClientStandingRow {
  payload: Record<string, unknown>;
  expires_at: Date | null;
  grant_id: string;
  grant_digest: string;
  grant_payload: Record<string, unknown>;
  grant_expires_at: Date | null;
  installation_id: string;
  requested_scopes: string[];
  status_list: number | null;
  status_index: number | null;
  consent_id: string;
  user_id: string;
  client_id: string;
  server_id: string;
  version: number;
  consent_expires_at: Date | null;
  metadata: ClientMetadata;
  secret_digest: string | null;
  previous_secret_digest: string | null;
  previous_secret_until: Date | null;
  catalogue_revision: number;
  status_lists: number;
  standing: string;
}

const findFacts = `
  SELECT a.payload, a.expires_at, a.grant_id, g.digest AS grant_digest, g.payload AS grant_payload, g.expires_at AS grant_expires_at,
    i.id AS installation_id, i.requested_scopes, i.status_list, i.status_index,
    k.id AS consent_id, k.user_id, k.client_id, k.server_id, v.version, v.expires_at AS consent_expires_at,
    c.metadata, c.secret_digest, c.previous_secret_digest, c.previous_secret_until, c.kind, c.created_at AS client_created_at, c.verified_at, c.quarantined_at, c.quarantine_ends_at, c.identity_changed_at,
    t.settings, client_standing(c.verified_at, c.quarantined_at, c.quarantine_ends_at, c.identity_changed_at, t.settings) AS standing,
    s.catalogue_revision, t.status_lists
  FROM artifacts a
  JOIN artifacts g ON g.tenant_id = a.tenant_id AND g.model = 'Grant'
    AND g.digest = rtrim(translate(encode(sha256(convert_to(a.grant_id, 'UTF8')), 'base64'), '+/', '-_'), '=')
  JOIN installations i ON i.tenant_id = a.tenant_id AND i.grant_id = a.grant_id AND i.ended_at IS NULL
  JOIN consents k ON k.tenant_id = i.tenant_id AND k.id = i.consent_id AND k.ended_at IS NULL
  JOIN LATERAL (
    SELECT version, expires_at FROM consent_versions WHERE tenant_id = k.tenant_id AND consent_id = k.id ORDER BY version DESC LIMIT 1
  ) v ON true
  JOIN users u ON u.tenant_id = k.tenant_id AND u.id = k.user_id AND u.disabled_at IS NULL
  JOIN clients c ON c.tenant_id = k.tenant_id AND c.id = k.client_id AND c.blocked_at IS NULL
  JOIN servers s ON s.tenant_id = k.tenant_id AND s.id = k.server_id
  JOIN tenants t ON t.id = a.tenant_id
  WHERE a.tenant_id = $1 AND a.model = $2 AND a.digest = $3 AND a.consumed_at IS NULL`;

/** Reads what a code or refresh token leads to; undefined when it is unknown or used, or anything that it leads to has ended. */
export async function findTokenRequestFacts(store: Store, tenantId: TenantId, key: ArtifactKey): Promise<TokenRequestFacts | undefined> {
  const { rows } = await poolOf(store).query<FactsRow>({
    name: 'token-request-facts',
    text: findFacts,
    values: [tenantId, key.model, key.digest],
  });
  return rows[0] && toFacts(rows[0], key);
}

function toFacts(row: FactsRow, key: ArtifactKey): TokenRequestFacts {
  const { status_list: list, status_index: index } = row;
  return {
    artifact: { ...key, payload: row.payload, ...(row.expires_at && { expiresAt: row.expires_at }) },
    grantId: row.grant_id,
    grant: {
      model: 'Grant',
      digest: row.grant_digest,
      payload: row.grant_payload,
      ...(row.grant_expires_at && { expiresAt: row.grant_expires_at }),
    },
    installation: {
      id: row.installation_id as InstallationId,
      requestedScopes: row.requested_scopes,
      ...(list !== null && index !== null && { status: { list, index } }),
    },
    consent: {
      id: row.consent_id as ConsentId,
      version: row.version,
      userId: row.user_id as UserId,
      clientId: row.client_id as ClientId,
      serverId: row.server_id as ServerId,
      ...(row.consent_expires_at && { expiresAt: row.consent_expires_at }),
    },
    client: {
      metadata: row.metadata,
      ...(row.secret_digest !== null && { secretDigest: row.secret_digest }),
      ...(row.previous_secret_digest !== null &&
        row.previous_secret_until && { previousSecret: { digest: row.previous_secret_digest, until: row.previous_secret_until } }),
    },
    catalogueRevision: row.catalogue_revision,
    statusLists: row.status_lists,
    standing: { ...toClientStanding(row), text: row.standing },
  };
}

/** What a token request changes, beside what was read for it. */
export interface TokenRequestChange {
  facts: TokenRequestFacts;
  /** The refresh token to be issued, if one is. */
  successor?: NewArtifact;
  /** The index that the access token carries, when the installation has none yet. */
  newStatus?: { list: number; index: number };
  /** The issued token's; whom it is about stands in the facts. */
  event: Pick<AuditEvent, 'actorType' | 'actorId' | 'address' | 'requestId' | 'traceId' | 'detail'>;
  at: Date;
}

const settle = `SELECT settle_token_request(${Array.from({ length: 27 }, (_, index) => `$${index + 1}`).join(', ')}) AS settled`;

/** What the function says when something that was read stands no more. */
const termsChanged = 'TG001';

/**
 * Consumes what was presented by compare-and-set, keeps its successor, notes use and index of the installation, and records the
 * event, all of it or nothing: false when what was presented was used meanwhile, or the facts no longer stand.
 */
export async function settleTokenRequest(store: Store, tenantId: TenantId, change: TokenRequestChange): Promise<boolean> {
  const { facts, successor, newStatus, event, at } = change;
  const { artifact, installation, consent, grantId } = facts;
  const status = newStatus ?? installation.status;
  const values = [
    ...[tenantId, at, artifact.model, artifact.digest],
    ...[successor?.digest, successor && JSON.stringify(successor.payload), successor?.expiresAt, grantId, successor?.accountId],
    ...[installation.id, status?.list, status?.index, newStatus !== undefined],
    ...[consent.id, consent.version, consent.userId, consent.clientId, consent.serverId, facts.catalogueRevision],
    ...[randomId(idPrefixes.event), event.actorType, event.actorId, event.address, event.requestId, JSON.stringify(event.detail ?? {})],
    ...[facts.standing.text, event.traceId],
  ];
  try {
    const { rows } = await poolOf(store).query<{ settled: boolean }>({ name: 'token-request-settle', text: settle, values });
    return rows[0]?.settled ?? false;
  } catch (error) {
    if ((error as { code?: unknown }).code === termsChanged) return false;
    throw error;
  }
}
