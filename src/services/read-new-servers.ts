import type { UnreadableTool } from '../domain/read-tools.ts';
import type { ResourceUri } from '../domain/resource-uri.ts';
import type { GuardedFetch } from '../platform/guarded-fetch.ts';
import { newServerId } from '../store/servers.ts';
import type { NewServerReading } from './carry-out-plan.ts';
import type { CatalogueProblem } from './read-catalogue.ts';
import type { Runtime, Tenant } from './runtime.ts';
import { readServer } from './sync-catalogue.ts';

/** What was read of servers that are to be added, by the key of their resource, and which could not be read. */
export interface NewServersReading {
  servers: ReadonlyMap<string, NewServerReading & { leftOut?: readonly { name: string; reason: UnreadableTool }[] }>;
  problems: readonly { uri: ResourceUri; problem: CatalogueProblem }[];
}

/** How many are asked at once. */
const atOnce = 6;

/** Reads the tools of servers that are not registered yet, some at a time; without `fetch`, none. */
export async function readNewServers(
  runtime: Runtime,
  tenant: Tenant,
  { uris, fetch }: { uris: readonly ResourceUri[]; fetch?: GuardedFetch },
): Promise<NewServersReading> {
  const servers = new Map<string, NewServerReading & { leftOut?: readonly { name: string; reason: UnreadableTool }[] }>();
  const problems: { uri: ResourceUri; problem: CatalogueProblem }[] = [];
  const waiting = [...uris];
  const readNext = async (): Promise<void> => {
    for (let uri = waiting.shift(); uri; uri = waiting.shift()) {
      const id = newServerId();
      servers.set(uri.key, { id });
      if (!fetch) continue;
      const reading = await readServer(runtime, tenant, { server: { id, resource: uri.resource }, headers: {}, fetch });
      if (reading.ok) servers.set(uri.key, { id, tools: reading.catalogue.tools, leftOut: reading.catalogue.leftOut });
      else problems.push({ uri, problem: reading.problem });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, readNext));
  return { servers, problems };
}
