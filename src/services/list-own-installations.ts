import { type Outcome, succeed } from '../domain/failures.ts';
import type { ConsentId, UserId } from '../domain/ids.ts';
import { cutPage, type FoundPage, type ListPage, withOneMore } from '../domain/list-page.ts';
import { type Installation, type InstallationPosition, listInstallationPage } from '../store/installations.ts';
import { findOwnConsentWithParties, type OwnConsent } from './find-own-consent.ts';
import type { Runtime, Tenant } from './runtime.ts';

export type { InstallationPosition } from '../store/installations.ts';

/** How many installations a page holds. */
export const installationsPerPage = 20;

/** One page of the places from which a person uses an agent, newest first, and what she allowed it. */
export interface OwnInstallations extends FoundPage<Installation, InstallationPosition> {
  own: OwnConsent;
}

/** Lists one page of the installations of a person's consent that have not ended; fails as `findOwnConsent` does. */
export async function listOwnInstallations(
  runtime: Pick<Runtime, 'store' | 'clock'>,
  tenant: Tenant,
  { userId, consentId, page: asked }: { userId: UserId; consentId: ConsentId; page: Omit<ListPage<InstallationPosition>, 'limit'> },
): Promise<Outcome<OwnInstallations, { kind: 'unknown-consent' }>> {
  const own = await findOwnConsentWithParties(runtime, tenant, { userId, consentId });
  if (!own.ok) return own;
  const page = { ...asked, limit: installationsPerPage };
  const found = await listInstallationPage(runtime.store, tenant.id, { consentId, page: withOneMore(page) });
  return succeed({ own: own.value, ...cutPage(found, page, ({ createdAt, id }) => ({ createdAt, id })) });
}
