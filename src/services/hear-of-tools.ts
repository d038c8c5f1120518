import { isWorseThanKnown } from '../domain/catalogue-step.ts';
import type { ServerId } from '../domain/ids.ts';
import { readTools } from '../domain/read-tools.ts';
import { sha256 } from '../platform/digest.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { lockConsentsOfServer } from '../store/consents.ts';
import { hastenCatalogue } from '../store/due-catalogues.ts';
import { findServer, lockServer, noteReportedTools, type StoredServer } from '../store/servers.ts';
import { invalidateStatusOfServer } from '../store/status.ts';
import { keepTools, listCatalogue, listTools } from '../store/tools.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** Tools that a server lists, as its library saw them; some of them, mostly. */
export interface ToolSighting extends Pick<Origin, 'address' | 'requestId'> {
  serverId: ServerId;
  /** As they came. */
  tools: readonly unknown[];
}

/** What came of it; names of tools. */
export interface HeardTools {
  /** Not as the catalogue says: its tools are read shortly. */
  differing: readonly string[];
  /** Of these, those that are riskier: they wait until then. */
  doubted: readonly string[];
}

/** What was looked into is not looked into again for so long: a list may differ by token, and then reading never confirms it. */
const settledMs = 10 * 60_000;

/** However much a server reports, its tools are not read more often than that on its account. */
const leastIntervalMs = 30_000;

/**
 * Hears from a server's library which tools the server lists. That can only make things stricter at once: a tool that is riskier than
 * the catalogue says waits in every consent. Whatever else differs counts when the issuer has read it itself, which is then due. The
 * caller has checked the server's credential: a server speaks for itself only.
 */
export async function hearOfTools(runtime: Pick<Runtime, 'store' | 'clock'>, tenant: Tenant, sighting: ToolSighting): Promise<HeardTools> {
  const { serverId, tools: entries, ...caller } = sighting;
  const seen = readTools(entries).tools.map((tool) => ({ ...tool, digest: sha256(tool.canonical) }));
  const known = new Map((await listCatalogue(runtime.store, tenant.id, serverId)).map(({ name, digest }) => [name, digest]));
  if (seen.every(({ definition, digest }) => known.get(definition.name) === digest)) return { differing: [], doubted: [] };

  return transact(runtime.store, async (db): Promise<HeardTools> => {
    await lockServer(db, tenant.id, serverId, 'change');
    const server = await findServer(db, tenant.id, serverId);
    const catalogue = new Map((await listTools(db, tenant.id, serverId)).map((tool) => [tool.name, tool]));
    const differing = seen.filter(({ definition, digest }) => catalogue.get(definition.name)?.digest !== digest);
    const at = runtime.clock.now();
    const report = { digest: digestOfDiffering(differing.map(({ definition: { name }, digest }) => ({ name, digest }))), at };
    if (!server || differing.length === 0 || isSettled(server, report)) return { differing: [], doubted: [] };

    const doubted = differing.flatMap((tool) => {
      const standing = catalogue.get(tool.definition.name);
      return standing && !standing.isDoubted && isWorseThanKnown(tool.definition, standing) ? [{ ...standing, doubtedAt: at }] : [];
    });
    if (doubted.length > 0) {
      await lockConsentsOfServer(db, tenant.id, serverId);
      await invalidateStatusOfServer(db, tenant.id, serverId, at);
      await keepTools(db, tenant.id, serverId, doubted);
    }
    await noteReportedTools(db, tenant.id, serverId, report);
    await hastenCatalogue(db, tenant.id, serverId, dueAfter(server, at));
    const heard = { differing: differing.map(({ definition }) => definition.name), doubted: doubted.map(({ name }) => name) };
    await recordAuditEvent(db, tenant.id, {
      ...caller,
      type: 'server.tools-reported',
      assurance: 'reported',
      actorType: 'server',
      actorId: serverId,
      outcome: 'success',
      at,
      serverId,
      detail: { differing: cut(heard.differing), doubted: cut(heard.doubted) },
    });
    return heard;
  });
}

/** Names what a report tells that the catalogue does not say; the same in whatever order. */
export function digestOfDiffering(differing: readonly { name: string; digest: string }[]): string {
  return sha256(JSON.stringify(differing.map(({ name, digest }) => [name, digest]).sort()));
}

function isSettled({ reportedDigest, reportedAt }: StoredServer, { digest, at }: { digest: string; at: Date }): boolean {
  return reportedDigest === digest && reportedAt !== undefined && at.getTime() - reportedAt.getTime() < settledMs;
}

function dueAfter({ catalogueSyncedAt }: StoredServer, at: Date): Date {
  return new Date(Math.max(at.getTime(), (catalogueSyncedAt?.getTime() ?? 0) + leastIntervalMs));
}

function cut(names: readonly string[]): { count: number; names: string[] } {
  return { count: names.length, names: names.slice(0, 20).map((name) => name.slice(0, 100)) };
}
