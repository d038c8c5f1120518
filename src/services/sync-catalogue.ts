import type { ServerId } from '../domain/ids.ts';
import type { ReadTool, UnreadableTool } from '../domain/read-tools.ts';
import { isRiskier } from '../domain/risk.ts';
import { riskOfAnnotations } from '../domain/tool.ts';
import { sha256 } from '../platform/digest.ts';
import type { GuardedFetch } from '../platform/guarded-fetch.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { type Database, transact } from '../store/client.ts';
import { lockConsentsOfServer } from '../store/consents.ts';
import { findSealedHeaders, findServer, lockServer, type StoredServer, touchCatalogue } from '../store/servers.ts';
import { invalidateStatusOfServer } from '../store/status.ts';
import { keepTools, listTools, removeTools, type StoredTool } from '../store/tools.ts';
import { issueCatalogueToken } from './catalogue-token.ts';
import { type CatalogueProblem, readCatalogue } from './read-catalogue.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';
import { sealPurposes } from './seal-purposes.ts';

/** What reading a catalogue changed; names of tools. */
export interface CatalogueChange {
  /** How many tools there are now. */
  tools: number;
  added: readonly string[];
  /** Another definition, or another risk. */
  changed: readonly string[];
  removed: readonly string[];
  /** Listed by the server, but not in the catalogue. */
  leftOut: readonly { name: string; reason: UnreadableTool }[];
}

/** A change, or why nothing was changed. */
export type CatalogueSync =
  | { ok: true; change: CatalogueChange }
  | { ok: false; problem: CatalogueProblem | { reason: 'unknown-server'; detail: string } };

/** Reads a server's catalogue anew. Where it differs, tokens of all its consents end within the bound, and the next ones follow it. */
export async function syncCatalogue(
  runtime: Runtime,
  tenant: Tenant,
  request: { serverId: ServerId; fetch: GuardedFetch; origin: Origin },
): Promise<CatalogueSync> {
  const { serverId, fetch, origin } = request;
  const server = await findServer(runtime.store, tenant.id, serverId);
  if (!server) return { ok: false, problem: { reason: 'unknown-server', detail: `there is no server ${serverId}` } };
  const sealed = await findSealedHeaders(runtime.store, tenant.id, serverId);
  const headers = sealed === undefined ? {} : openHeaders(runtime, tenant, sealed);
  const reading = await readServer(runtime, tenant, { server, headers, fetch });
  if (!reading.ok) return reading;
  const { tools, leftOut } = reading.catalogue;
  const change = await transact(runtime.store, (db) => applyCatalogue(runtime, db, { tenant, serverId, read: tools, origin }));
  return change
    ? { ok: true, change: { ...change, leftOut } }
    : { ok: false, problem: { reason: 'unknown-server', detail: `the server ${serverId} was removed` } };
}

/** Reads the catalogue of a server, registered or about to be. */
export function readServer(
  runtime: Runtime,
  tenant: Tenant,
  request: { server: Pick<StoredServer, 'id' | 'resource'>; headers: Readonly<Record<string, string>>; fetch: GuardedFetch },
): ReturnType<typeof readCatalogue> {
  const { server, headers, fetch } = request;
  return readCatalogue({ resource: server.resource, headers, fetch, issueToken: () => issueCatalogueToken(runtime, tenant, server) });
}

/** Seals the headers that a server's catalogue is read with. */
export function sealHeaders(runtime: Runtime, tenant: Tenant, headers: Readonly<Record<string, string>>): string {
  return runtime.vault.seal(JSON.stringify(headers), { purpose: sealPurposes.serverHeaders, tenantId: tenant.id });
}

function openHeaders(runtime: Runtime, tenant: Tenant, sealed: string): Record<string, string> {
  return JSON.parse(runtime.vault.open(sealed, { purpose: sealPurposes.serverHeaders, tenantId: tenant.id })) as Record<string, string>;
}

/** Makes the catalogue what was read, on the caller's transaction; undefined when the server is gone. */
export async function applyCatalogue(
  runtime: Runtime,
  db: Database,
  reading: { tenant: Tenant; serverId: ServerId; read: readonly ReadTool[]; origin: Origin },
): Promise<Omit<CatalogueChange, 'leftOut'> | undefined> {
  const { tenant, serverId, read, origin } = reading;
  await lockServer(db, tenant.id, serverId, 'change');
  if (!(await findServer(db, tenant.id, serverId))) return undefined;
  const at = runtime.clock.now();
  const before = new Map((await listTools(db, tenant.id, serverId)).map((tool) => [tool.name, tool]));
  const now = read.map((tool, position) => describe(tool, { position, before: before.get(tool.definition.name), at }));
  const names = new Set(now.map(({ name }) => name));
  const added = now.filter(({ name }) => !before.has(name)).map(({ name }) => name);
  const changed = now.filter((tool) => isChanged(tool, before.get(tool.name))).map(({ name }) => name);
  const removed = [...before.keys()].filter((name) => !names.has(name));
  const isMoved = (tool: StoredTool) => before.get(tool.name)?.position !== tool.position;

  if (changed.length > 0 || removed.length > 0) {
    // Before any row changes: whoever issues a token holds its consent while it reads the catalogue.
    await lockConsentsOfServer(db, tenant.id, serverId);
    await invalidateStatusOfServer(db, tenant.id, serverId, at);
  }
  const toKeep = new Set([...added, ...changed]);
  await keepTools(
    db,
    tenant.id,
    serverId,
    now.filter((tool) => toKeep.has(tool.name) || isMoved(tool)),
  );
  if (removed.length > 0) await removeTools(db, tenant.id, serverId, { names: removed, at });
  await touchCatalogue(db, tenant.id, serverId, at);
  if (added.length + changed.length + removed.length > 0) {
    await recordAuditEvent(db, tenant.id, {
      ...origin,
      type: 'server.catalogue-changed',
      outcome: 'success',
      at,
      serverId,
      detail: { added: cut(added), changed: cut(changed), removed: cut(removed) },
    });
  }
  return { tools: now.length, added, changed, removed };
}

/** The first names and how many there are: a server may list thousands, with long names. */
function cut(names: readonly string[]): { count: number; names: string[] } {
  return { count: names.length, names: names.slice(0, 20).map((name) => name.slice(0, 100)) };
}

function describe({ definition, canonical }: ReadTool, about: { position: number; before: StoredTool | undefined; at: Date }): StoredTool {
  const { position, before, at } = about;
  const claimed = riskOfAnnotations(definition.annotations);
  // An administrator judged the tool by what the server claimed then. When it claims worse now, that judgement is over.
  const override = before?.override && !isRiskier(claimed, riskOfAnnotations(before.annotations)) ? before.override : undefined;
  return {
    ...definition,
    position,
    digest: sha256(canonical),
    ...(override ?? claimed),
    ...(override && { override }),
    firstSeenAt: before?.firstSeenAt ?? at,
  };
}

function isChanged(now: StoredTool, before: StoredTool | undefined): boolean {
  return before !== undefined && (now.digest !== before.digest || now.risk !== before.risk || now.openWorld !== before.openWorld);
}
