import { nextReadingAt } from '../domain/catalogue-schedule.ts';
import type { ServerId } from '../domain/ids.ts';
import type { GuardedFetch } from '../platform/guarded-fetch.ts';
import { randomIndex } from '../platform/random.ts';
import { transact } from '../store/client.ts';
import { noteUnreadCatalogue, postponeCatalogue } from '../store/due-catalogues.ts';
import { findSealedHeaders, findServer, type StoredServer } from '../store/servers.ts';
import { applyCatalogue, type CatalogueChange } from './apply-catalogue.ts';
import { issueCatalogueToken } from './catalogue-token.ts';
import { type CatalogueProblem, readCatalogue } from './read-catalogue.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';
import { sealPurposes } from './seal-purposes.ts';

/** A change, or why nothing was changed. */
export type CatalogueSync =
  | { ok: true; change: CatalogueChange }
  | { ok: false; problem: CatalogueProblem | { reason: 'unknown-server'; detail: string } };

/** Reads a server's catalogue anew. Where it differs, tokens of all its consents end within the bound, and the next ones follow it. */
export async function syncCatalogue(
  runtime: Runtime,
  tenant: Tenant,
  request: { serverId: ServerId; fetch: GuardedFetch; origin: Origin; signal?: AbortSignal },
): Promise<CatalogueSync> {
  const { serverId, fetch, origin, signal } = request;
  const server = await findServer(runtime.store, tenant.id, serverId);
  if (!server) return { ok: false, problem: { reason: 'unknown-server', detail: `there is no server ${serverId}` } };
  const sealed = await findSealedHeaders(runtime.store, tenant.id, serverId);
  const headers = sealed === undefined ? {} : openHeaders(runtime, tenant, sealed);
  const readAt = runtime.clock.now();
  const reading = await readServer(runtime, tenant, { server, headers, fetch, ...(signal && { signal }) });
  if (!reading.ok) {
    if (!signal?.aborted) await noteFailure(runtime, tenant, { serverId, problem: reading.problem });
    return reading;
  }
  const { tools, leftOut } = reading.catalogue;
  const change = await transact(runtime.store, (db) => applyCatalogue(runtime, db, { tenant, serverId, read: tools, readAt, origin }));
  return change
    ? { ok: true, change: { ...change, leftOut } }
    : { ok: false, problem: { reason: 'unknown-server', detail: `the server ${serverId} was removed` } };
}

/** Reads the catalogue of a server, registered or about to be. */
export function readServer(
  runtime: Runtime,
  tenant: Tenant,
  request: {
    server: Pick<StoredServer, 'id' | 'resource'>;
    headers: Readonly<Record<string, string>>;
    fetch: GuardedFetch;
    signal?: AbortSignal;
  },
): ReturnType<typeof readCatalogue> {
  const { server, ...rest } = request;
  return readCatalogue({ resource: server.resource, ...rest, issueToken: () => issueCatalogueToken(runtime, tenant, server) });
}

async function noteFailure(
  { store, clock, lifetimes, log }: Runtime,
  tenant: Tenant,
  { serverId, problem }: { serverId: ServerId; problem: CatalogueProblem },
): Promise<void> {
  const { reason, detail } = problem;
  const failures = await noteUnreadCatalogue(store, tenant.id, serverId, { reason, detail: detail.slice(0, 500) });
  const dueAt = nextReadingAt(clock.now(), { seconds: lifetimes.catalogueSeconds, failures, chance: randomIndex(1_000) / 1_000 });
  await postponeCatalogue(store, tenant.id, serverId, dueAt);
  if (failures === 1) log.warn({ tenant: tenant.slug, server: serverId, reason, detail }, 'the tools of a server cannot be read');
}

/** Seals the headers that a server's catalogue is read with. */
export function sealHeaders(runtime: Runtime, tenant: Tenant, headers: Readonly<Record<string, string>>): string {
  return runtime.vault.seal(JSON.stringify(headers), { purpose: sealPurposes.serverHeaders, tenantId: tenant.id });
}

function openHeaders(runtime: Runtime, tenant: Tenant, sealed: string): Record<string, string> {
  return JSON.parse(runtime.vault.open(sealed, { purpose: sealPurposes.serverHeaders, tenantId: tenant.id })) as Record<string, string>;
}
