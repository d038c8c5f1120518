import type { ConsentedTool } from '../domain/consent.ts';
import type { ShownDifference } from '../domain/consent-page.ts';
import type { ServerId, TenantId } from '../domain/ids.ts';
import { classifyChange } from '../domain/tool-change.ts';
import type { Database } from '../store/client.ts';
import { findToolVersions } from '../store/tool-versions.ts';
import type { StoredTool } from '../store/tools.ts';

/** Finds how tools differ from what somebody was shown of them, by their names; of those whose definition of then is not kept, nothing. */
export async function findDifferences(
  db: Database,
  tenantId: TenantId,
  { serverId, shown, catalogue }: { serverId: ServerId; shown: readonly ConsentedTool[]; catalogue: readonly StoredTool[] },
): Promise<ReadonlyMap<string, ShownDifference>> {
  const present = new Map(catalogue.map((tool) => [tool.name, tool]));
  const others = shown.filter(({ name, digest }) => present.has(name) && present.get(name)?.digest !== digest);
  const wanted = new Map(others.map(({ name, digest }) => [name, digest]));
  const versions = await findToolVersions(db, tenantId, serverId, others);
  return new Map(
    versions.flatMap(({ digest, definition: before }): [string, ShownDifference][] => {
      const now = present.get(before.name);
      return now && wanted.get(before.name) === digest ? [[before.name, { before, change: classifyChange(before, now) }]] : [];
    }),
  );
}
