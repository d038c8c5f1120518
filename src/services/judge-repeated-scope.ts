import { findForeignScope } from '../domain/repeated-scope.ts';
import type { Database } from '../store/client.ts';
import { summarizeConsentHistory } from '../store/consent-history.ts';
import { findInstallationOfGrant } from '../store/installations.ts';
import type { Tenant } from './runtime.ts';

/** The first name in the `scope` of a refresh that is foreign to the installation of this grant; undefined when there is none (ENG-28). */
export async function judgeRepeatedScope(
  db: Database,
  tenant: Tenant,
  { grantId, scope }: { grantId: string; scope: string },
): Promise<string | undefined> {
  const installation = await findInstallationOfGrant(db, tenant.id, grantId);
  // Without one there is nothing to refresh either; that is said elsewhere, and better.
  if (!installation) return undefined;
  if (isRepeated(scope, installation.requestedScopes)) return undefined;
  const given = await summarizeConsentHistory(db, tenant.id, installation.consentId);
  return findForeignScope(scope, { requested: installation.requestedScopes, given });
}

/** Whether a `scope` names nothing but what was asked for before; then nothing else has to be looked up. */
export function isRepeated(scope: string, requested: readonly string[]): boolean {
  return findForeignScope(scope, { requested, given: { toolNames: new Set(), resources: false, prompts: false } }) === undefined;
}
