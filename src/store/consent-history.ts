import type { ConsentedTool } from '../domain/consent.ts';
import type { ConsentId, TenantId } from '../domain/ids.ts';
import type { Database } from './client.ts';

/** Everything that any version of a consent ever allowed. */
export interface ConsentHistory {
  toolNames: ReadonlySet<string>;
  resources: boolean;
  prompts: boolean;
}

/** Sums up the versions of a consent. */
export async function summarizeConsentHistory(db: Database, tenantId: TenantId, consentId: ConsentId): Promise<ConsentHistory> {
  const versions = await db.consentVersion.findMany({
    where: { tenantId, consentId },
    select: { tools: true, resources: true, prompts: true },
  });
  const tools = versions.flatMap((version) => version.tools as unknown as ConsentedTool[]);
  return {
    toolNames: new Set(tools.map(({ name }) => name)),
    resources: versions.some(({ resources }) => resources),
    prompts: versions.some(({ prompts }) => prompts),
  };
}
