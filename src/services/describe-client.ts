import { LRUCache } from 'lru-cache';
import { type AnswerPlace, answerPlace, type ClientTrust, judgeTrust } from '../domain/client-trust.ts';
import type { ClientId, TenantId, UserId } from '../domain/ids.ts';
import { type KnownClient, knownClients } from '../domain/known-clients.ts';
import { createLookAlikeFinder, type LookAlike } from '../domain/look-alike.ts';
import { findQuarantine, type Quarantine } from '../domain/quarantine.ts';
import type { Store } from '../store/client.ts';
import {
  type ClientRenown,
  countConsentsOfClient,
  countPeopleOfClient,
  findClientRenown,
  findLastUseOfClient,
  type PeopleCount,
} from '../store/client-consents.ts';
import { findClient, findVouchedClients, readVouchedClients, type StoredClient, type VouchedClient } from '../store/clients.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** What is known here of a client that asks a person; nothing of it is the client's own word. */
export interface ClientFacts extends Omit<ClientRenown, 'vouched'> {
  trust: ClientTrust;
  firstSeenAt: Date;
  lookAlikes: readonly LookAlike[];
}

/** Finds the facts that a consent page shows. Bounded, whatever the client's size. */
export async function findClientFacts(
  runtime: Runtime,
  tenant: Tenant,
  asked: { client: StoredClient; redirectUri: string; userId: UserId },
): Promise<ClientFacts> {
  const { client, redirectUri, userId } = asked;
  const known = { clientId: client.id, userId, now: runtime.clock.now(), maxVouched };
  const { people, knownSinceAt, vouched } = await findClientRenown(runtime.store, tenant.id, known);
  return {
    trust: judgeTrust(client, redirectUri),
    firstSeenAt: client.createdAt,
    people,
    ...(knownSinceAt && { knownSinceAt }),
    lookAlikes: warningsBy(runtime, tenant, vouched)(client, [redirectUri]),
  };
}

/** What an administrator is told of a client. */
export interface ClientOverview {
  client: StoredClient;
  trust: ClientTrust;
  quarantine?: Quarantine;
  /** Where answers may go, each place once. */
  places: readonly AnswerPlace[];
  people: PeopleCount;
  /** What lasts of it; expired consents are among them. */
  standing: { consents: number; installations: number };
  lastUsedAt?: Date;
  lookAlikes: readonly LookAlike[];
}

/** Finds all that is known of a client, blocked ones included; undefined when there is none. */
export async function findClientOverview(runtime: Runtime, tenant: Tenant, id: string): Promise<ClientOverview | undefined> {
  const client = await findClient(runtime.store, tenant.id, id as ClientId);
  if (!client) return undefined;
  const now = runtime.clock.now();
  const [people, standing, lastUsedAt, findWarnings] = await Promise.all([
    countPeopleOfClient(runtime.store, tenant.id, { clientId: client.id, now }),
    countConsentsOfClient(runtime.store, tenant.id, client.id),
    findLastUseOfClient(runtime.store, tenant.id, client.id),
    prepareWarnings(runtime, tenant),
  ]);
  const quarantine = findQuarantine(client, tenant.settings.quarantine, now);
  const places = client.metadata.redirectUris.map(answerPlace);
  return {
    client,
    trust: judgeTrust(client),
    ...(quarantine && { quarantine }),
    places: places.filter((place, index) => places.findIndex((one) => JSON.stringify(one) === JSON.stringify(place)) === index),
    people,
    standing,
    ...(lastUsedAt && { lastUsedAt }),
    lookAlikes: findWarnings(client, client.metadata.redirectUris),
  };
}

/** With how many of a tenant's own clients others are compared, the latest ones. */
const maxVouched = 200;

/** Whom others might look like: the well-known clients, and those of the tenant that an administrator made or verified. */
export type FindWarnings = (client: StoredClient, redirectUris: readonly string[]) => readonly LookAlike[];

/** Prepares the comparison. Those that an administrator made or verified are not compared: somebody has looked. */
export async function prepareWarnings(runtime: Runtime, tenant: Tenant): Promise<FindWarnings> {
  return warningsBy(runtime, tenant, await findVouchedClients(runtime.store, tenant.id, maxVouched));
}

/** For how many tenants a comparison is remembered. */
const maxKept = 100;

/** Comparisons by tenant, with the clients that they were made of: to take the names of two hundred apart costs more than a page. */
const kept = new WeakMap<Store, LRUCache<TenantId, { vouched: string; findWarnings: FindWarnings }>>();

function warningsBy({ store }: Runtime, { id }: Tenant, vouched: string): FindWarnings {
  const comparisons = kept.get(store) ?? new LRUCache({ max: maxKept });
  kept.set(store, comparisons);
  const known = comparisons.get(id);
  if (known?.vouched === vouched) return known.findWarnings;
  const find = createLookAlikeFinder([...knownClients, ...readVouchedClients(vouched).flatMap(asKnown)]);
  const findWarnings: FindWarnings = (client, redirectUris) => {
    const { voucher, publisher } = judgeTrust(client);
    if (voucher?.by === 'administrator') return [];
    return find({ name: client.metadata.name, hosts: [...webHosts(redirectUris), ...(publisher === undefined ? [] : [publisher])] });
  };
  comparisons.set(id, { vouched, findWarnings });
  return findWarnings;
}

function asKnown(client: VouchedClient): KnownClient[] {
  const { name, redirectUris } = client.metadata;
  if (name === undefined) return [];
  const { publisher } = judgeTrust(client);
  const hosts = [...new Set([...webHosts(redirectUris), ...(publisher === undefined ? [] : [publisher])])];
  return [{ name, names: [name], hosts: hosts.map((host) => host.replace(/:\d+$/, '')), isDistinctive: false }];
}

function webHosts(redirectUris: readonly string[]): string[] {
  return redirectUris.map(answerPlace).flatMap((place) => (place.kind === 'web' ? [place.host] : []));
}
