import { nextReadingAt } from '../domain/catalogue-schedule.ts';
import type { ServerId } from '../domain/ids.ts';
import type { ReadTool, UnreadableTool } from '../domain/read-tools.ts';
import { isRiskier, type RiskProfile } from '../domain/risk.ts';
import { riskOfAnnotations, type ToolDefinition } from '../domain/tool.ts';
import { classifyChange, type ToolChange, traitsBeyondRisk } from '../domain/tool-change.ts';
import { sha256 } from '../platform/digest.ts';
import { randomIndex } from '../platform/random.ts';
import { recordAuditEvent } from '../store/audit.ts';
import type { Database } from '../store/client.ts';
import { lockConsentsOfServer } from '../store/consents.ts';
import { findServer, lockServer, touchCatalogue } from '../store/servers.ts';
import { invalidateStatusOfServer } from '../store/status.ts';
import { findToolsWithVersions, keepToolVersions, listToolVersions, pruneToolVersions, type ToolVersion } from '../store/tool-versions.ts';
import { keepTools, listTools, removeTools, type StoredTool } from '../store/tools.ts';
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
    /** When reading began: what a server reported since is not settled by it. Default: now. */
    readAt?: Date;
    origin: Origin;
  },
): Promise<Omit<CatalogueChange, 'leftOut'> | undefined> {
  const { tenant, serverId, read, origin } = reading;
  await lockServer(db, tenant.id, serverId, 'change');
  const server = await findServer(db, tenant.id, serverId);
  if (!server) return undefined;
  const at = runtime.clock.now();
  const readAt = reading.readAt ?? at;
  const before = new Map((await listTools(db, tenant.id, serverId)).map((tool) => [tool.name, tool]));
  const now = read.map((tool, position) => describe(tool, { position, before: before.get(tool.definition.name), at, readAt }));
  const steps = now.map((tool) => stepOf(tool, before.get(tool.name)));
  const names = new Set(now.map(({ name }) => name));
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

  const named = (steps: readonly Step[]) => steps.map(({ tool }) => tool.name);
  const changed = other.filter(({ change }) => change !== 'added');
  const change = {
    tools: now.length,
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

/** The first names and how many there are: a server may list thousands, with long names. */
function cut(names: readonly string[]): { count: number; names: string[] } {
  return { count: names.length, names: names.slice(0, 20).map((name) => name.slice(0, 100)) };
}

/** What becomes of one tool. */
interface Step {
  tool: StoredTool;
  before: StoredTool | undefined;
  change: ToolChange | 'added';
  isOtherRisk: boolean;
  /** Whoever decided on the one before must look again. */
  isRiskier: boolean;
  /** A report about it is settled by this reading. */
  isSettled: boolean;
  isMoved: boolean;
}

function stepOf(tool: StoredTool, before: StoredTool | undefined): Step {
  if (!before) return { tool, before, change: 'added', isOtherRisk: false, isRiskier: false, isSettled: false, isMoved: false };
  const change = tool.digest === before.digest ? 'none' : classifyChange(before, tool);
  return {
    tool,
    before,
    // A digest that differs is a change, whatever it was made of.
    change: change === 'none' && tool.digest !== before.digest ? 'cosmetic' : change,
    isOtherRisk: tool.risk !== before.risk || tool.openWorld !== before.openWorld,
    isRiskier: isRiskier(tool, before) || (change === 'riskier' && traitsBeyondRisk(before, tool).length > 0),
    isSettled: before.doubtedAt !== undefined && tool.doubtedAt === undefined,
    isMoved: before.position !== tool.position,
  };
}

function describe(
  { definition, canonical }: ReadTool,
  about: { position: number; before: StoredTool | undefined; at: Date; readAt: Date },
): StoredTool {
  const { position, before, at, readAt } = about;
  const override = overrideThatHolds(definition, before);
  return {
    ...definition,
    position,
    digest: sha256(canonical),
    ...(override ?? riskOfAnnotations(definition.annotations)),
    ...(override && { override }),
    firstSeenAt: before?.firstSeenAt ?? at,
    ...(before?.riskierThan && { riskierThan: before.riskierThan }),
    ...(before?.acceptedAt && { acceptedAt: before.acceptedAt }),
    ...(before?.doubtedAt && before.doubtedAt > readAt && { doubtedAt: before.doubtedAt }),
  };
}

/**
 * An administrator judged the tool by what the server claimed then. When it claims worse now, and worse than the administrator said,
 * that judgement is over.
 */
function overrideThatHolds({ annotations }: ToolDefinition, before: StoredTool | undefined): RiskProfile | undefined {
  if (!before?.override) return undefined;
  const claimed = riskOfAnnotations(annotations);
  const isOver = isRiskier(claimed, riskOfAnnotations(before.annotations)) && isRiskier(claimed, before.override);
  return isOver ? undefined : before.override;
}

/** Compares changed tools with every definition that they had, and keeps the ones they have now. */
async function compareWithEarlier(
  db: Database,
  about: { tenant: Tenant; serverId: ServerId; steps: readonly Step[]; at: Date },
): Promise<Map<string, StoredTool>> {
  const { tenant, serverId, steps, at } = about;
  const compared = new Map<string, StoredTool>();
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

function withComparisons({ tool, isRiskier: isRiskierNow }: Step, earlier: readonly ToolVersion[]): StoredTool {
  const { riskierThan: _, acceptedAt, isAccepted: __, ...rest } = tool;
  const riskierThan = earlier
    .filter(({ digest, definition }) => digest !== tool.digest && traitsBeyondRisk(definition, tool).length > 0)
    .map(({ digest }) => digest);
  return { ...rest, riskierThan, ...(acceptedAt && !isRiskierNow && { acceptedAt }) };
}
