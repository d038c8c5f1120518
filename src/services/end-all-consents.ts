import type { ConsentId } from '../domain/ids.ts';
import { listUnrevokedApiKeys } from '../store/api-keys.ts';
import { deleteSignInState } from '../store/artifacts.ts';
import { listConsentIdsInForce } from '../store/consents.ts';
import { deleteLinks } from '../store/links.ts';
import { endConsent } from './end-consent.ts';
import { revokeApiKey } from './manage-api-keys.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';
import { advanceKeys } from './signing-keys.ts';

const batch = 100;

/**
 * Ends everything that anybody may do in a tenant: after a restore, which brings back what was revoked since the backup, or when a
 * copy of the database is in wrong hands. The key is withdrawn first, so that no access token counts any more; then sessions,
 * authorization requests and one-time links go, then API keys and consents end one by one. What it was interrupted at, the next call goes
 * on with. People sign in, decide and make keys anew. Returns how many consents ended.
 */
export async function endAllConsents(runtime: Runtime, tenant: Tenant, { origin }: { origin: Origin }): Promise<number> {
  await advanceKeys(runtime, tenant, { origin, request: 'withdraw' });
  await deleteSignInState(runtime.store, tenant.id);
  await deleteLinks(runtime.store, tenant.id);
  for (const { id } of await listUnrevokedApiKeys(runtime.store, tenant.id)) {
    await revokeApiKey(runtime, tenant, { id, reason: 'all-ended', origin });
  }
  // Once more after each round: somebody may have been deciding meanwhile.
  for (let ended = 0; ; ) {
    const inRound = await endConsentsInForce(runtime, tenant, origin);
    if (inRound === 0) return ended;
    ended += inRound;
  }
}

/** Ends them in the order of their ids, so that none reads past all that have ended before it. Returns how many. */
async function endConsentsInForce(runtime: Runtime, tenant: Tenant, origin: Origin): Promise<number> {
  let after: ConsentId | undefined;
  for (let ended = 0; ; ) {
    const consentIds = await listConsentIdsInForce(runtime.store, tenant.id, { after, limit: batch });
    if (consentIds.length === 0) return ended;
    for (const consentId of consentIds) {
      const { ok } = await endConsent(runtime, tenant, { consentId, reason: 'all-ended', origin });
      if (ok) ended += 1;
    }
    after = consentIds.at(-1);
  }
}
