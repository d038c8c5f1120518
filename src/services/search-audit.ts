import type { AuditPosition, AuditRecord } from '../domain/audit-record.ts';
import type { ClientId, ServerId, UserId } from '../domain/ids.ts';
import { type AuditFilter, type AuditPlace, findClientsCalled, findHorizon, listNewEvents, searchEvents } from '../store/audit-search.ts';
import { findClient, listClientNames } from '../store/clients.ts';
import { listServerNames } from '../store/servers.ts';
import { findEmails } from '../store/users.ts';
import type { Runtime, Tenant } from './runtime.ts';

export type { AuditFilter, AuditPlace } from '../store/audit-search.ts';

/** An event with what people call those that it is about; absent where they are gone, or never had a name. */
export interface NamedEvent {
  event: AuditRecord;
  email?: string;
  agent?: string;
  server?: string;
}

/** A page of events, newest first. */
export interface AuditPage {
  events: NamedEvent[];
  /** Where the next page begins; absent at the end. */
  next?: AuditPlace;
}

type SearchRuntime = Pick<Runtime, 'store'>;

/** Finds events, newest first, a page at a time. */
export async function searchAudit(
  runtime: SearchRuntime,
  tenant: Pick<Tenant, 'id'>,
  { filter, before, limit }: { filter: AuditFilter; before?: AuditPlace | undefined; limit: number },
): Promise<AuditPage> {
  const found = await searchEvents(runtime.store, tenant.id, { filter, before, limit: limit + 1 });
  const events = found.slice(0, limit);
  const last = events.at(-1);
  const isMore = found.length > limit && last !== undefined;
  return { events: await nameAll(runtime, tenant, events), ...(isMore && { next: { at: new Date(last.at), id: last.id } }) };
}

/**
 * Yields what comes from now on, in the order of transactions, some moments after it was recorded; what commits late is not missed.
 * `wait` is awaited where there is nothing new. Ends when `signal` says so.
 */
export async function followAudit(
  runtime: SearchRuntime,
  tenant: Pick<Tenant, 'id'>,
  options: { filter: AuditFilter; signal: AbortSignal; wait: () => Promise<void> },
): Promise<AsyncGenerator<NamedEvent[]>> {
  return follow(runtime, tenant, { ...options, after: await findHorizon(runtime.store) });
}

async function* follow(
  runtime: SearchRuntime,
  tenant: Pick<Tenant, 'id'>,
  { filter, signal, wait, after: begin }: { filter: AuditFilter; signal: AbortSignal; wait: () => Promise<void>; after: AuditPosition },
): AsyncGenerator<NamedEvent[]> {
  let after = begin;
  while (!signal.aborted) {
    const events = await listNewEvents(runtime.store, tenant.id, { filter, after, limit: 500 });
    const last = events.at(-1);
    if (last) {
      after = { tx: last.tx, at: last.at, id: last.id };
      yield await nameAll(runtime, tenant, events);
    } else await wait();
  }
}

/** The clients that a word means: the one with that id, or all that are or were called so. */
export async function findAgents(runtime: SearchRuntime, tenant: Pick<Tenant, 'id'>, word: string): Promise<ClientId[]> {
  const known = await findClient(runtime.store, tenant.id, word as ClientId);
  if (known) return [known.id];
  const called = await findClientsCalled(runtime.store, tenant.id, word);
  // The id of one that is gone.
  return called.length > 0 ? called : [word as ClientId];
}

async function nameAll({ store }: SearchRuntime, tenant: Pick<Tenant, 'id'>, events: readonly AuditRecord[]): Promise<NamedEvent[]> {
  const idsOf = <Id extends string>(member: 'userId' | 'clientId' | 'serverId') => [
    ...new Set(events.map((event) => event[member]).filter((id): id is Id => typeof id === 'string')),
  ];
  const [emails, agents, servers] = await Promise.all([
    findEmails(store, tenant.id, idsOf<UserId>('userId')),
    listClientNames(store, tenant.id, idsOf<ClientId>('clientId')),
    listServerNames(store, tenant.id, idsOf<ServerId>('serverId')),
  ]);
  return events.map((event) => {
    const email = emails.get(event.userId as UserId);
    const agent = agents.get(event.clientId as ClientId);
    const server = servers.get(event.serverId as ServerId);
    return { event, ...(email !== undefined && { email }), ...(agent !== undefined && { agent }), ...(server !== undefined && { server }) };
  });
}
