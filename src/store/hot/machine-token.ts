/**
 * Tokens of machine clients: what they are about in one statement, and their events in another, each for up to eight requests that come
 * to it in one turn of the event loop. Around Prisma: by the row `client-credentials` of the bench this is a tenth of the time that the same takes
 * as statements of their own.
 */
import type { Pool } from 'pg';
import type { ClientMetadata } from '../../domain/client-metadata.ts';
import type { ClientId, ServerId, ServiceAccountId, TenantId, ToolAssignmentId } from '../../domain/ids.ts';
import type { SharedStatement } from '../../platform/tracing/trace-database.ts';
import type { Store } from '../client.ts';
import { type ClientStanding, type ClientStandingRow, toClientStanding } from '../client-standing.ts';
import type { PreviousSecret } from '../clients.ts';
import { eventColumns, type SharedEvent, shareStatement } from '../shared-statement.ts';

/** All that a machine's request is about, as it stood at one moment: nothing in it is disabled or blocked. */
export interface MachineTokenFacts {
  clientId: ClientId;
  client: { metadata: ClientMetadata; secretDigest?: string; previousSecret?: PreviousSecret };
  serviceAccountId: ServiceAccountId;
  server: { id: ServerId; resource: string };
  catalogueRevision: number;
  assignment: { id: ToolAssignmentId; version: number; status?: { list: number; index: number }; lastTokenAt?: Date };
  /** What says whether the client is in quarantine; `text` is the same as long as nothing of it changes. */
  standing: ClientStanding & { text: string };
}

interface FactsRow extends ClientStandingRow {
  n: number;
  metadata: ClientMetadata;
  secret_digest: string | null;
  previous_secret_digest: string | null;
  previous_secret_until: Date | null;
  service_account_id: string;
  server_id: string;
  resource: string;
  catalogue_revision: number;
  assignment_id: string;
  version: number;
  status_list: number | null;
  status_index: number | null;
  last_token_at: Date | null;
  standing: string;
}

interface Asked {
  tenantId: TenantId;
  clientId: ClientId;
  /** Of the server, in the form that is compared. */
  resourceKey: string;
}

const findFacts = 'SELECT * FROM machine_token_facts($1)';
const read = shareStatement(readFacts);

/** Reads what a machine client may do at a server; undefined when it is none, or may do nothing there. */
export function findMachineTokenFacts(store: Store, asked: Asked): Promise<MachineTokenFacts | undefined> {
  return read(store, asked);
}

async function readFacts(pool: Pool, all: readonly Asked[], { sharedBy }: SharedStatement): Promise<(MachineTokenFacts | undefined)[]> {
  const requests = all.map(({ tenantId, clientId, resourceKey }, n) => ({
    n,
    tenant_id: tenantId,
    client_id: clientId,
    resource_key: resourceKey,
  }));
  const statement = { name: 'machine-token-facts', text: findFacts, values: [JSON.stringify(requests)], sharedBy };
  const { rows } = await pool.query<FactsRow>(statement);
  const found = new Array<MachineTokenFacts | undefined>(all.length).fill(undefined);
  for (const row of rows) found[row.n] = toFacts(row, (all[row.n] as Asked).clientId);
  return found;
}

function toFacts(row: FactsRow, clientId: ClientId): MachineTokenFacts {
  const { status_list: list, status_index: index } = row;
  return {
    clientId,
    client: {
      metadata: row.metadata,
      ...(row.secret_digest !== null && { secretDigest: row.secret_digest }),
      ...(row.previous_secret_digest !== null &&
        row.previous_secret_until && { previousSecret: { digest: row.previous_secret_digest, until: row.previous_secret_until } }),
    },
    serviceAccountId: row.service_account_id as ServiceAccountId,
    server: { id: row.server_id as ServerId, resource: row.resource },
    catalogueRevision: row.catalogue_revision,
    assignment: {
      id: row.assignment_id as ToolAssignmentId,
      version: row.version,
      ...(list !== null && index !== null && { status: { list, index } }),
      ...(row.last_token_at && { lastTokenAt: row.last_token_at }),
    },
    standing: { ...toClientStanding(row), text: row.standing },
  };
}

/** A token that is about to be given away. */
export interface MachineToken {
  tenantId: TenantId;
  facts: MachineTokenFacts;
  /** The index that it carries: that of the facts. */
  status: { list: number; index: number };
  event: SharedEvent;
  at: Date;
}

const settle = 'SELECT settle_machine_tokens($1) AS n';
const settleShared = shareStatement(settleAll);

/** Records the event of a token; false, and nothing is recorded, when the facts no longer stand. */
export function settleMachineToken(store: Store, token: MachineToken): Promise<boolean> {
  return settleShared(store, token);
}

async function settleAll(pool: Pool, tokens: readonly MachineToken[], { sharedBy }: SharedStatement): Promise<boolean[]> {
  const statement = { name: 'machine-token-settle', text: settle, values: [JSON.stringify(tokens.map(toRequest))], sharedBy };
  const { rows } = await pool.query<{ n: number }>(statement);
  const settled = new Array<boolean>(tokens.length).fill(false);
  for (const { n } of rows) settled[n] = true;
  return settled;
}

function toRequest({ tenantId, facts, status, event, at }: MachineToken, n: number) {
  return {
    n,
    tenant_id: tenantId,
    at,
    client_id: facts.clientId,
    assignment_id: facts.assignment.id,
    version: facts.assignment.version,
    list: status.list,
    index: status.index,
    revision: facts.catalogueRevision,
    standing: facts.standing.text,
    ...eventColumns(event),
  };
}
