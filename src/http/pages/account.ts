/** Connected agents: what may act in a person's name, with ways to change and to end it. */
import type { Context } from 'koa';
import { parseConsentId } from '../../domain/ids.ts';
import { listActivity, noteVisit } from '../../services/list-activity.ts';
import { type ConsentPlace, listConsentsInForce } from '../../services/list-consents.ts';
import { listApiKeys } from '../../services/manage-api-keys.ts';
import { formFrame, showPage } from '../answer.ts';
import type { Person } from '../route.ts';
import type { Site } from '../site.ts';
import { inWords } from '../views/instants.ts';
import { keyOf } from './api-key-entry.ts';
import { connectionOf } from './connection-entry.ts';
import { deedsByDay } from './deeds.ts';
import { doneNotice } from './done-notice.ts';
import { readPositions, writePosition } from './list-position.ts';

/** How many days, each of one agent at one server, stand below the agents. */
const latestDeeds = 4;

/** Shows the connected agents, the latest of what they did, and the API keys. */
export async function showAccount(ctx: Context, site: Site, person: Person): Promise<void> {
  const now = site.runtime.clock.now();
  const page = await listConsentsInForce(site.runtime, site.tenant, {
    filter: { userId: person.userId },
    page: readPositions(ctx.query, parseConsentId),
  });
  const keys = await listApiKeys(site.runtime, site.tenant, { userId: person.userId, revokedAt: null });
  const activity = await listActivity(site.runtime, site.tenant, { userId: person.userId, limit: latestDeeds });
  const seenBefore = await noteVisit(site.runtime, site.tenant, person.userId);
  const linkTo = (direction: 'after' | 'before', place: ConsentPlace) =>
    `${site.tenant.issuer}/account?${direction}=${writePosition(place)}`;
  showPage(ctx, site, {
    view: 'account',
    context: {
      ...formFrame(ctx, site, person.email),
      email: person.email,
      connections: page.overviews.map((overview) => connectionOf(overview, { issuer: site.tenant.issuer, now })),
      activity: {
        days: deedsByDay(activity.days, { issuer: site.tenant.issuer, now, seenBefore }),
        ...(seenBefore && { newSince: inWords(seenBefore, now) }),
        hasMore: activity.next !== undefined,
      },
      keys: keys.map((overview) => keyOf(overview, now)),
      ...(page.previous && { newer: linkTo('before', page.previous) }),
      ...(page.next && { older: linkTo('after', page.next) }),
      ...doneNotice(ctx.query),
    },
  });
}
