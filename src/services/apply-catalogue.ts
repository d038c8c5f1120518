import { nextReadingAt } from '../domain/catalogue-schedule.ts';
import { type CatalogueStep, type KnownTool, stepTo, withComparisons } from '../domain/catalogue-step.ts';
import type { ServerId } from '../domain/ids.ts';
import type { ReadTool, UnreadableTool } from '../domain/read-tools.ts';
import { sha256 } from '../platform/digest.ts';
import { randomIndex } from '../platform/random.ts';
import { recordAuditEvent } from '../store/audit.ts';
import type { Database } from '../store/client.ts';
import { lockConsentsOfServer } from '../store/consents.ts';
import { findServer, lockServer, touchCatalogue } from '../store/servers.ts';
import { invalidateStatusOfServer } from '../store/status.ts';
import { findToolsWithVersions, keepToolVersions, listToolVersions, pruneToolVersions } from '../store/tool-versions.ts';
import { findFormerOverrides, keepTools, listTools, removeTools } from '../store/tools.ts';
import { digestOfDiffering } from './hear-of-tools.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** What reading a catalogue changed; names of tools. */
export interface CatalogueChange {
  /** How many tools there are now. */
  tools: number;
  added: readonly string[];
  /** Another definition, or another risk. */
  changed: readonly string[];
  /** Those of them that wait now until somebody has looked. */
  riskier: readonly string[];
  /** Those of them where nothing that anybody decides by is another. */
  cosmetic: readonly string[];
  removed: readonly string[];
  /** Listed by the server, but not in the catalogue. */
  leftOut: readonly { name: string; reason: UnreadableTool }[];
}

/**
 * Makes the catalogue what was read, on the caller's transaction; undefined when the server is gone. Where that changes what tokens may
 * say, those of all its consents end within the bound.
 */
export async function applyCatalogue(
  runtime: Runtime,
  db: Database,
  reading: {
    tenant: Tenant;
    serverId: ServerId;
    read: readonly ReadTool[];
    /** When reading began: what a server reported since is not settled by it, unless it is the very list that was read. Default: now. */
    readAt?: Date;
    origin: Origin;
  },
): Promise<Omit<CatalogueChange, 'leftOut'> | undefined> {
  const { tenant, serverId, read, origin } = reading;
  await lockServer(db, tenant.id, serverId, 'change');
  const server = await findServer(db, tenant.id, serverId);
  if (!server) return undefined;
  const at = runtime.clock.now();
  const before = new Map((await listTools(db, tenant.id, serverId)).map((tool) => [tool.name, tool]));
  // A door that the issuer reads through reports what it lets through to the issuer.
  const readAt = server.reportedDigest === digestOfReading(read, before) ? at : (reading.readAt ?? at);
  const unknown = read.flatMap(({ definition: { name } }) => (before.has(name) ? [] : [name]));
  const said = await findFormerOverrides(db, tenant.id, serverId, unknown);
  const steps = read.map(({ definition, canonical }, position) => {
    const { name } = definition;
    const reading = { position, before: before.get(name), saidBefore: said.get(name), at, readAt };
    return stepTo({ definition, digest: sha256(canonical) }, reading);
  });
  const names = new Set(steps.map(({ tool }) => tool.name));
  const removed = [...before.keys()].filter((name) => !names.has(name));

  const other = steps.filter(({ change, isOtherRisk }) => change !== 'none' || isOtherRisk);
  const compared = await compareWithEarlier(db, { tenant, serverId, steps: other, at });
  const concern = steps.filter(
    ({ change, isOtherRisk, isSettled }) => (change !== 'added' && change !== 'none' && change !== 'cosmetic') || isOtherRisk || isSettled,
  );
  if (concern.length > 0 || removed.length > 0) {
    // Before any row changes: whoever issues a token holds its consent while it reads the catalogue.
    await lockConsentsOfServer(db, tenant.id, serverId);
    await invalidateStatusOfServer(db, tenant.id, serverId, at);
  }
  const rewritten = steps.filter(({ change, isOtherRisk, isSettled, isMoved }) => change !== 'none' || isOtherRisk || isSettled || isMoved);
  await keepTools(
    db,
    tenant.id,
    serverId,
    rewritten.map(({ tool }) => compared.get(tool.name) ?? tool),
  );
  if (removed.length > 0) await removeTools(db, tenant.id, serverId, { names: removed, at });
  const isOutdated = server.reportedAt !== undefined && server.reportedAt > readAt;
  const regular = nextReadingAt(at, { seconds: runtime.lifetimes.catalogueSeconds, failures: 0, chance: randomIndex(1_000) / 1_000 });
  await touchCatalogue(db, tenant.id, serverId, { syncedAt: at, dueAt: isOutdated ? at : regular });

  const named = (steps: readonly CatalogueStep[]) => steps.map(({ tool }) => tool.name);
  const changed = other.filter(({ change }) => change !== 'added');
  const change = {
    tools: steps.length,
    added: named(other.filter(({ change }) => change === 'added')),
    changed: named(changed),
    riskier: named(changed.filter(({ isRiskier }) => isRiskier)),
    cosmetic: named(changed.filter(({ change, isOtherRisk }) => change === 'cosmetic' && !isOtherRisk)),
    removed,
  };
  if (other.length + removed.length > 0) {
    const { added, riskier } = change;
    await recordAuditEvent(db, tenant.id, {
      ...origin,
      type: 'server.catalogue-changed',
      outcome: 'success',
      at,
      serverId,
      detail: { added: cut(added), changed: cut(change.changed), riskier: cut(riskier), removed: cut(removed) },
    });
  }
  return change;
}

/** As a report of all that was read would be named, had the catalogue been as it is before. */
function digestOfReading(read: readonly ReadTool[], before: ReadonlyMap<string, { digest: string }>): string {
  const tools = read.map(({ definition: { name }, canonical }) => ({ name, digest: sha256(canonical) }));
  return digestOfDiffering(tools.filter(({ name, digest }) => before.get(name)?.digest !== digest));
}

/** The first names and how many there are: a server may list thousands, with long names. */
function cut(names: readonly string[]): { count: number; names: string[] } {
  return { count: names.length, names: names.slice(0, 20).map((name) => name.slice(0, 100)) };
}

/** Compares changed tools with every definition that they had, and keeps the ones they have now. */
async function compareWithEarlier(
  db: Database,
  about: { tenant: Tenant; serverId: ServerId; steps: readonly CatalogueStep[]; at: Date },
): Promise<Map<string, KnownTool>> {
  const { tenant, serverId, steps, at } = about;
  const compared = new Map<string, KnownTool>();
  const known = await findToolsWithVersions(
    db,
    tenant.id,
    serverId,
    steps.map(({ tool }) => tool.name),
  );
  for (const step of steps) {
    // One at a time: definitions may be large, and there may be many of each.
    const earlier = known.has(step.tool.name) ? await listToolVersions(db, tenant.id, serverId, step.tool.name) : [];
    compared.set(step.tool.name, withComparisons(step, earlier));
  }
  // Of what was changed by a version of the software that kept no definitions, the one before is kept now.
  const before = steps.flatMap(({ before }) => (before ? [{ ...before, seenAt: before.firstSeenAt }] : []));
  const now = steps.map(({ tool }) => ({ ...tool, seenAt: at }));
  await keepToolVersions(db, tenant.id, serverId, [...before, ...now]);
  await pruneToolVersions(db, tenant.id, serverId, [...known]);
  return compared;
}
