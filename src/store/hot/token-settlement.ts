/**
 * What token requests that go the short way change: all of it by one statement, which commits by itself, for up to eight requests that
 * come to it in one turn of the event loop. By the rows `refresh` and `code` of the bench this is a twentieth of the time that the same takes as
 * statements of their own.
 */
import type { Pool } from 'pg';
import type { TenantId } from '../../domain/ids.ts';
import type { SharedStatement } from '../../platform/tracing/trace-database.ts';
import type { NewArtifact } from '../artifacts.ts';
import type { Store } from '../client.ts';
import { eventColumns, type SharedEvent, shareStatement } from '../shared-statement.ts';
import type { TokenRequestFacts } from './token-request.ts';

/** What a token request changes, beside what was read for it. */
export interface TokenRequestChange {
  facts: TokenRequestFacts;
  /** The refresh token to be issued, if one is. */
  successor?: NewArtifact;
  /** The index that the access token carries, when the installation has none yet. */
  newStatus?: { list: number; index: number };
  /** The issued token's; whom it is about stands in the facts. */
  event: SharedEvent;
  at: Date;
}

const settle = 'SELECT settle_token_requests($1) AS n';

interface Settling {
  tenantId: TenantId;
  change: TokenRequestChange;
}

const settleShared = shareStatement(settleAll);

/**
 * Consumes what was presented by compare-and-set, keeps its successor, notes use and index of the installation, and records the
 * event, all of it or nothing: false when what was presented was used meanwhile or is in use now, or the facts no longer stand.
 */
export function settleTokenRequest(store: Store, tenantId: TenantId, change: TokenRequestChange): Promise<boolean> {
  return settleShared(store, { tenantId, change });
}

async function settleAll(pool: Pool, settlings: readonly Settling[], { sharedBy }: SharedStatement): Promise<boolean[]> {
  // Of those of one installation, so also of those that present the same, the first goes on.
  const requests = new Map<string, ReturnType<typeof toRequest>>();
  for (const [n, settling] of settlings.entries()) {
    const installation = `${settling.tenantId} ${settling.change.facts.installation.id}`;
    if (!requests.has(installation)) requests.set(installation, toRequest(settling, n));
  }
  const statement = { name: 'token-request-settle', text: settle, values: [JSON.stringify([...requests.values()])], sharedBy };
  const { rows } = await pool.query<{ n: number }>(statement);
  const settled = new Array<boolean>(settlings.length).fill(false);
  for (const { n } of rows) settled[n] = true;
  return settled;
}

function toRequest({ tenantId, change }: Settling, n: number) {
  const { facts, successor, newStatus, event, at } = change;
  const { artifact, installation, consent } = facts;
  const status = newStatus ?? installation.status;
  return {
    n,
    tenant_id: tenantId,
    at,
    model: artifact.model,
    digest: artifact.digest,
    successor_digest: successor?.digest,
    successor_payload: successor?.payload,
    successor_expires_at: successor?.expiresAt,
    account_id: successor?.accountId,
    list: status?.list,
    index: status?.index,
    takes_index: newStatus !== undefined,
    consent_id: consent.id,
    version: consent.version,
    revision: facts.catalogueRevision,
    standing: facts.standing.text,
    ...eventColumns(event),
  };
}
