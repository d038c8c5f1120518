/** The places from which a person uses one agent, page by page: to end what she does not know or need any more. */
import type { Context } from 'koa';
import { type ConsentId, parseConsentId, parseInstallationId } from '../../domain/ids.ts';
import { effectSeconds } from '../../services/list-consents.ts';
import { type InstallationPosition, listOwnInstallations } from '../../services/list-own-installations.ts';
import { formFrame, showPage } from '../answer.ts';
import { HttpProblem } from '../http-problem.ts';
import type { Form } from '../request-body.ts';
import type { Person } from '../route.ts';
import type { Site } from '../site.ts';
import { spanInWords } from '../views/instants.ts';
import { agentOf } from './agent.ts';
import { placeOf } from './connection-entry.ts';
import { doneNotice } from './done-notice.ts';
import { readPositions, writePosition } from './list-position.ts';

/** Shows a page of them. */
export async function showPlaces(ctx: Context, site: Site, { userId, email }: Person): Promise<void> {
  const consentId = parseConsentId(ctx.params['consentId'] as string);
  if (!consentId) throw new HttpProblem('consent-not-found', { message: 'no id of a consent' });
  const page = readPositions(ctx.query, parseInstallationId);
  const found = await listOwnInstallations(site.runtime, site.tenant, { userId, consentId, page });
  if (!found.ok) throw new HttpProblem('consent-not-found', { message: found.failure.kind });
  const { own, entries, previous, next } = found.value;
  const now = site.runtime.clock.now();
  const linkTo = (direction: 'after' | 'before', at: InstallationPosition) =>
    `${addressOf(site, consentId)}?${direction}=${writePosition(at)}`;
  showPage(ctx, site, {
    view: 'places',
    context: {
      ...formFrame(ctx, site, email),
      connection: `${site.tenant.issuer}/account/consents/${consentId}`,
      agent: agentOf(own.client, now),
      server: { name: own.server.name, resource: own.server.resource },
      places: entries.map((installation) => placeOf(installation, now)),
      fields: [{ name: 'list', value: 'places' }, ...Object.entries(page).map(([name, at]) => ({ name, value: writePosition(at) }))],
      isFirst: page.after === undefined && page.before === undefined,
      effectWithin: spanInWords(effectSeconds(own.server, site.runtime)),
      ...(previous && { newer: linkTo('before', previous) }),
      ...(next && { older: linkTo('after', next) }),
      ...doneNotice(ctx.query),
    },
  });
}

/** The page from which a place was ended, where that was one of these; its form says so. */
export function placesPageOf(site: Site, consentId: ConsentId, form: Form): string | undefined {
  if (form.text('list') !== 'places') return undefined;
  const page = readPositions({ after: form.text('after'), before: form.text('before') }, parseInstallationId);
  const [asked] = Object.entries(page).map(([direction, at]) => `?${direction}=${writePosition(at)}`);
  return `${addressOf(site, consentId)}${asked ?? ''}`;
}

function addressOf(site: Site, consentId: ConsentId): string {
  return `${site.tenant.issuer}/account/consents/${consentId}/places`;
}
