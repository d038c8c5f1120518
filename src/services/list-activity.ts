import { isInForce } from '../domain/consent.ts';
import { type ApiKeyId, type ClientId, type ConsentId, parseConsentId, type UserId } from '../domain/ids.ts';
import { listAgentsOf, listKeysOf } from '../store/agents-of-person.ts';
import { findClients, type StoredClient } from '../store/clients.ts';
import { findConsents } from '../store/consents.ts';
import { findUses, listUsePlaces, type StoredDayOfUses, type UsePlace } from '../store/tool-uses.ts';
import { noteActivityVisit } from '../store/users.ts';
import type { Runtime, Tenant } from './runtime.ts';

export type { UsePlace } from '../store/tool-uses.ts';

/** What one agent did on one day, by one permission. */
export interface DayOfActivity extends StoredDayOfUses {
  /** The agent, where it is known still. */
  client?: StoredClient;
  /** Of a day on which something was refused: the consent that counted, where it still does. */
  consentId?: ConsentId;
}

/** What is asked for. */
export interface ActivityRequest {
  userId: UserId;
  agentId?: ClientId | ApiKeyId;
  after?: UsePlace;
  limit: number;
}

/** How many tools of a day are named; the others are counted. */
const namedTools = 6;

/** Lists what agents did in a person's name, the latest day first; `next` is there when there is more. */
export async function listActivity(
  { store, clock }: Pick<Runtime, 'store' | 'clock'>,
  tenant: Pick<Tenant, 'id'>,
  { limit, ...request }: ActivityRequest,
): Promise<{ days: DayOfActivity[]; next?: UsePlace }> {
  // One more than is shown says whether there is more.
  const found = await listUsePlaces(store, tenant.id, { ...request, limit: limit + 1 });
  const places = found.slice(0, limit);
  const uses = await findUses(store, tenant.id, { userId: request.userId, places, maxTools: namedTools });
  const clients = await findClients(
    store,
    tenant.id,
    uses.flatMap(({ clientId }) => clientId ?? []),
  );
  const refusing = new Set(uses.flatMap(({ refusals, grant }) => (refusals > 0 ? (parseConsentId(grant) ?? []) : [])));
  const consents = refusing.size === 0 ? [] : [...(await findConsents(store, tenant.id, [...refusing])).values()];
  const standing = new Set<UsePlace['grant']>(consents.filter((consent) => isInForce(consent, clock.now())).map(({ id }) => id));
  const days = uses.map((day) => {
    const client = day.clientId && clients.get(day.clientId);
    const consentId = client && standing.has(day.grant) && parseConsentId(day.grant);
    return { ...day, ...(client && { client }), ...(consentId && { consentId }) };
  });
  const last = places.at(-1);
  return { days, ...(last && found.length > limit && { next: last }) };
}

/** How many agents can be chosen from, and how many API keys. */
const maxAgents = 100;

/** Whose doings a person may ask for one by one: her agents, and her API keys. */
export interface ActivityAgents {
  agents: readonly { id: ClientId; name?: string }[];
  keys: readonly { id: ApiKeyId; name: string }[];
}

/** Lists them. */
export async function listActivityAgents(
  { store }: Pick<Runtime, 'store'>,
  tenant: Pick<Tenant, 'id'>,
  userId: UserId,
): Promise<ActivityAgents> {
  const limits = { userId, limit: maxAgents };
  return { agents: await listAgentsOf(store, tenant.id, limits), keys: await listKeysOf(store, tenant.id, limits) };
}

/** Who comes back within this time, in seconds, has not been away. */
const visitSeconds = 30 * 60;

/** Notes that a person looks now; returns when she looked before, undefined at her first visit. */
export function noteVisit(
  { store, clock }: Pick<Runtime, 'store' | 'clock'>,
  tenant: Pick<Tenant, 'id'>,
  userId: UserId,
): Promise<Date | undefined> {
  return noteActivityVisit(store, tenant.id, { id: userId, now: clock.now(), visitSeconds });
}
