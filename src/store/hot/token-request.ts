/**
 * What token requests that go the short way are about: all of it by one statement, which serves up to eight requests that come to it in
 * one turn of the event loop, because most of what a statement costs is the same for one as for eight. Around Prisma: by the rows `refresh` and
 * `code` of the bench this is a twentieth of the time that the same takes as statements of their own.
 */
import type { Pool } from 'pg';
import type { ClientMetadata } from '../../domain/client-metadata.ts';
import type { ClientId, ConsentId, InstallationId, ServerId, TenantId, UserId } from '../../domain/ids.ts';
import type { SharedStatement } from '../../platform/tracing/trace-database.ts';
import type { Artifact, ArtifactKey } from '../artifacts.ts';
import type { Store } from '../client.ts';
import { type ClientStanding, type ClientStandingRow, toClientStanding } from '../client-standing.ts';
import type { PreviousSecret } from '../clients.ts';
import { shareStatement } from '../shared-statement.ts';
import { drawIndices } from '../status.ts';

/** All that a token request is about, as it stood at one moment: nothing in it has ended, is disabled, blocked, or used. */
export interface TokenRequestFacts {
  /** The authorization code or refresh token that was presented. */
  artifact: Artifact;
  grantId: string;
  grant: Artifact;
  installation: {
    id: InstallationId;
    requestedScopes: string[];
    status?: { list: number; index: number };
    /** Where it has no index: one that nobody had when this was read. */
    freeStatus?: { list: number; index: number };
  };
  consent: { id: ConsentId; version: number; expiresAt?: Date; userId: UserId; clientId: ClientId; serverId: ServerId };
  client: { metadata: ClientMetadata; secretDigest?: string; previousSecret?: PreviousSecret };
  catalogueRevision: number;
  /** 0 where no policy was ever set. */
  policyRevision: number;
  /**
   * What says whether the client is in quarantine; `text` is the same as long as nothing of it changes, nor what rules say of the client,
   * nor the policy, nor the person's groups.
   */
  standing: ClientStanding & { text: string };
}

interface FactsRow extends ClientStandingRow {
  n: number;
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
  drawn_list: number;
  free_index: number | null;
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
  standing: string;
}

const findFacts = 'SELECT * FROM token_request_facts($1)';

interface Presented {
  tenantId: TenantId;
  key: ArtifactKey;
}

const read = shareStatement(readFacts);

/** Reads what a code or refresh token leads to; undefined when it is unknown or used, or anything that it leads to has ended. */
export function findTokenRequestFacts(store: Store, tenantId: TenantId, key: ArtifactKey): Promise<TokenRequestFacts | undefined> {
  return read(store, { tenantId, key });
}

async function readFacts(
  pool: Pool,
  presented: readonly Presented[],
  { sharedBy }: SharedStatement,
): Promise<(TokenRequestFacts | undefined)[]> {
  const requests = presented.map(({ tenantId, key }, n) => ({
    n,
    tenant_id: tenantId,
    model: key.model,
    digest: key.digest,
    indices: drawIndices(),
  }));
  const statement = { name: 'token-request-facts', text: findFacts, values: [JSON.stringify(requests)], sharedBy };
  const { rows } = await pool.query<FactsRow>(statement);
  const found = new Array<TokenRequestFacts | undefined>(presented.length).fill(undefined);
  // A catalogue below 0 is of a server that is being removed (see store/server-removal.ts).
  for (const row of rows) if (row.catalogue_revision >= 0) found[row.n] = toFacts(row, (presented[row.n] as Presented).key);
  return found;
}

function toFacts(row: FactsRow, key: ArtifactKey): TokenRequestFacts {
  const { status_list: list, status_index: index, drawn_list: drawnList, free_index: freeIndex } = row;
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
      ...(freeIndex !== null && { freeStatus: { list: drawnList, index: freeIndex } }),
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
    policyRevision: Number(row.standing.split(' ').at(-2)),
    standing: { ...toClientStanding(row), text: row.standing },
  };
}
