import type { ServerId } from '../domain/ids.ts';
import { parseResourceUri, type ResourceUriProblem } from '../domain/resource-uri.ts';
import { isServerName } from '../domain/server-name.ts';
import { sha256 } from '../platform/digest.ts';
import type { GuardedFetch } from '../platform/guarded-fetch.ts';
import { randomToken } from '../platform/random.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { createServer, findServerByResourceKey, newServerId, type StoredServer } from '../store/servers.ts';
import { applyCatalogue, type CatalogueChange } from './apply-catalogue.ts';
import type { CatalogueProblem, CatalogueReading } from './read-catalogue.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';
import { readServer, sealHeaders } from './sync-catalogue.ts';

/** A server to add. */
export interface ServerRequest {
  /** As clients type it; it becomes the `aud` of tokens. */
  resource: string;
  /** What people read on the consent page. */
  name: string;
  /** Sent along when the catalogue is read: a credential of the server's own, for one that does not take our tokens yet. */
  headers?: Readonly<Record<string, string>>;
  /** Reads the catalogue at once; without it the server has no tools until it is synced. */
  fetch?: GuardedFetch;
  origin: Origin;
}

/** Why a server was not added. */
export type ServerProblem =
  | { kind: 'resource'; problem: ResourceUriProblem }
  | { kind: 'bad-name' }
  | { kind: 'bad-header'; header: string }
  | { kind: 'resource-taken'; serverId: ServerId }
  /** The one that has this resource is just being removed. */
  | { kind: 'being-removed' }
  | { kind: 'catalogue'; problem: CatalogueProblem };

/** A server with its credential, which is told once only; or why not. */
export type ServerAddition =
  | { ok: true; server: StoredServer; credential: string; change?: CatalogueChange }
  | { ok: false; problem: ServerProblem };

/** Adds a server with its catalogue: both, or nothing. */
export async function addServer(runtime: Runtime, tenant: Tenant, request: ServerRequest): Promise<ServerAddition> {
  const { headers = {}, origin } = request;
  const uri = parseResourceUri(request.resource);
  if ('problem' in uri) return { ok: false, problem: { kind: 'resource', problem: uri.problem } };
  const name = request.name.trim();
  if (!isServerName(name)) return { ok: false, problem: { kind: 'bad-name' } };
  const badHeader = Object.entries(headers).find(([header, value]) => !isHeader(header, value));
  if (badHeader) return { ok: false, problem: { kind: 'bad-header', header: badHeader[0] } };
  const taken = await findServerByResourceKey(runtime.store, tenant.id, uri.key);
  if (taken) return { ok: false, problem: { kind: 'resource-taken', serverId: taken.id } };

  const id = newServerId();
  const reading = await readNow(runtime, tenant, { ...request, headers, server: { id, resource: uri.resource } });
  if (reading?.ok === false) return { ok: false, problem: { kind: 'catalogue', problem: reading.problem } };
  const credential = newServerCredential();
  const added = await transact(runtime.store, async (db) => {
    const createdAt = runtime.clock.now();
    const server: StoredServer = { id, resource: uri.resource, resourceKey: uri.key, name, catalogueRevision: 0, demo: false, createdAt };
    const isMade = await createServer(db, tenant.id, {
      id,
      uri,
      name,
      createdAt,
      credentialDigest: sha256(credential),
      ...(Object.keys(headers).length > 0 && { sealedHeaders: sealHeaders(runtime, tenant, headers) }),
    });
    if (!isMade) return undefined;
    const about = { serverId: id, detail: { resource: uri.resource, name } };
    await recordAuditEvent(db, tenant.id, { ...origin, ...about, type: 'server.added', outcome: 'success', at: createdAt });
    if (!reading) return { server };
    const { tools, leftOut } = reading.catalogue;
    const change = await applyCatalogue(runtime, db, { tenant, serverId: id, read: tools, origin });
    return { server, ...(change && { change: { ...change, leftOut } }) };
  });
  if (added) return { ok: true, credential, ...added };
  const winner = await findServerByResourceKey(runtime.store, tenant.id, uri.key);
  return { ok: false, problem: winner ? { kind: 'resource-taken', serverId: winner.id } : { kind: 'being-removed' } };
}

async function readNow(
  runtime: Runtime,
  tenant: Tenant,
  request: { server: Pick<StoredServer, 'id' | 'resource'>; headers: Readonly<Record<string, string>>; fetch?: GuardedFetch },
): Promise<CatalogueReading | undefined> {
  const { fetch, ...rest } = request;
  return fetch && readServer(runtime, tenant, { ...rest, fetch });
}

/** A new server credential; URL-safe, because it is sent as a password. Only its SHA-256 is stored. */
export function newServerCredential(): string {
  return randomToken();
}

function isHeader(name: string, value: string): boolean {
  return /^[\w!#$%&'*+.^`|~-]{1,100}$/.test(name) && /^[\x20-\x7e]{0,4096}$/.test(value);
}
