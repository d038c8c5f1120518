import { LRUCache } from 'lru-cache';
import { type ClientId, idPrefixes } from '../domain/ids.ts';
import { givesAnything, narrowToScope } from '../domain/machine-scope.ts';
import { unrestricted } from '../domain/policy.ts';
import { findQuarantine } from '../domain/quarantine.ts';
import { parseResourceUri } from '../domain/resource-uri.ts';
import { spellScope } from '../domain/spell-scope.ts';
import type { Store } from '../store/client.ts';
import { findMachineTokenFacts, type MachineTokenFacts, settleMachineToken } from '../store/hot/machine-token.ts';
import { findAssignmentOfId } from '../store/tool-assignments.ts';
import { findMachineTools } from './find-machine.ts';
import { type AccessGrant, tokenEnd } from './issue-access.ts';
import { describeMachineIssue, type MachineGrant } from './issue-machine-access.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** When a client last took a token is written down anew after so long, in seconds, by the long way. */
const useNotedSeconds = 600;

/** What a machine client asks for; who it is, is not proven yet. */
export interface MachineRequest {
  clientId: ClientId;
  resource: string;
  requestedScope: string | undefined;
}

/** A machine's request that goes the short way: everything was read in one statement and decided, and nothing is written yet. */
export interface PreparedMachineRequest {
  facts: MachineTokenFacts;
  grant: MachineGrant;
  /** Where the token's status index is. */
  status: { list: number; index: number };
  issued: AccessGrant['issued'];
}

/**
 * Prepares the answer to a machine client. Undefined for whatever is not plain: unknown, blocked, disabled, not assigned; its first token
 * after some change or some time; a selection too large to list; nothing left of the scope. That goes the long way, which says why.
 */
export async function prepareMachineRequest(
  runtime: Runtime,
  tenant: Tenant,
  request: MachineRequest,
): Promise<PreparedMachineRequest | undefined> {
  const uri = parseResourceUri(request.resource);
  if ('problem' in uri || !isMachineClientId(request.clientId)) return undefined;
  const facts = await findMachineTokenFacts(runtime.store, { tenantId: tenant.id, clientId: request.clientId, resourceKey: uri.key });
  const { status, lastTokenAt } = facts?.assignment ?? {};
  const now = runtime.clock.now();
  const isNoted = lastTokenAt !== undefined && now.getTime() - lastTokenAt.getTime() < useNotedSeconds * 1_000;
  if (!facts || !status || !isNoted) return undefined;
  const terms = await findTerms(runtime, tenant, { facts, requestedScope: request.requestedScope });
  if (!terms) return undefined;
  const grant: MachineGrant = {
    scope: terms.scope,
    subject: facts.serviceAccountId,
    status: { idx: status.index, uri: `${tenant.issuer}/status/${status.list}` },
    expiresAt: tokenEnd(runtime, { now, consentEnd: undefined }),
  };
  return { facts, grant, status, issued: terms };
}

/** Ids that we make; an API key is exchanged the long way. */
function isMachineClientId(id: string): boolean {
  return id.startsWith(idPrefixes.client) && /^[\w-]{1,64}$/.test(id);
}

/** Records the token of a prepared request. False: nothing was written, because what was read does not stand any more. */
export function settleMachineRequest(
  runtime: Runtime,
  tenant: Tenant,
  { prepared, origin }: { prepared: PreparedMachineRequest; origin: Origin },
): Promise<boolean> {
  const { facts, status, issued } = prepared;
  const event = { ...origin, detail: describeMachineIssue(issued) };
  return settleMachineToken(runtime.store, { tenantId: tenant.id, facts, status, event, at: runtime.clock.now() });
}

/** What a version of an assignment comes to with one revision of the catalogue, for one scope. */
type MachineTerms = { scope: string } & AccessGrant['issued'];

/** How many are remembered at most; each has a few KiB at most, usually a few hundred bytes. */
const maxKept = 5_000;
const maxScopeCharacters = 512;
const maxLeftOut = 50;

/** Which version and revision count is read anew for each request, so nothing here can bring back what ended. */
const kept = new WeakMap<Store, LRUCache<string, MachineTerms>>();

async function findTerms(
  { store, clock, metrics }: Runtime,
  tenant: Tenant,
  { facts, requestedScope = '' }: { facts: MachineTokenFacts; requestedScope: string | undefined },
): Promise<MachineTerms | undefined> {
  const { assignment, catalogueRevision, standing, server } = facts;
  const now = clock.now();
  const isInQuarantine = findQuarantine(standing.client, standing.setting, now) !== undefined;
  const terms = kept.get(store) ?? new LRUCache({ max: maxKept });
  kept.set(store, terms);
  const key = JSON.stringify([tenant.id, assignment.id, assignment.version, catalogueRevision, isInQuarantine, requestedScope]);
  const known = terms.get(key);
  metrics.countLookup('machine-terms', known ? 'hit' : 'miss');
  if (known) return known;
  const found = await findAssignmentOfId(store, tenant.id, assignment.id);
  if (found?.version !== assignment.version) return undefined;
  const machine = { terms: { ...found, decidedAt: found.assignedAt }, isInQuarantine, rules: unrestricted };
  const { effective, catalogue } = await findMachineTools(store, tenant, { machine, serverId: server.id, now, marginSeconds: 0 });
  const granted = narrowToScope(effective, requestedScope, catalogue);
  const { scope, document } = spellScope(granted, found.salt);
  if (document !== undefined || !givesAnything(granted)) return undefined;
  const worked = { scope, tools: granted.allowed.length, leftOut: effective.leftOut };
  if (requestedScope.length <= maxScopeCharacters && worked.leftOut.length <= maxLeftOut) terms.set(key, worked);
  return worked;
}
