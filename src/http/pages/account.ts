/** Connected agents: what may act in a person's name, with ways to change and to end it. */
import type { Context } from 'koa';
import type { ConsentId } from '../../domain/ids.ts';
import { listActivity, noteVisit } from '../../services/list-activity.ts';
import { type ConsentPlace, listConsentsInForce, type PageRequest } from '../../services/list-consents.ts';
import { listApiKeys } from '../../services/manage-api-keys.ts';
import { formFrame, showPage } from '../answer.ts';
import type { Person } from '../route.ts';
import type { Site } from '../site.ts';
import { inWords, spanInWords } from '../views/instants.ts';
import { keyOf } from './api-key-entry.ts';
import { connectionOf } from './connection-entry.ts';
import { deedsByDay } from './deeds.ts';

/** What was done just before, named by the query; anything else says nothing. */
const notices: Readonly<Record<string, string>> = {
  changed: 'Saved.',
  widened: 'Saved. Go back to your agent and let it try again.',
  revoked: 'Revoked.',
  timed: 'Saved: that tool ends when you said.',
  paused: 'Paused: it stays connected, and may do nothing.',
  resumed: 'It goes on, with what you allowed before.',
  dropped: 'Taken away.',
  disconnected: 'Ended there. Other places go on.',
  'key-revoked': 'Revoked: the key is refused from now on.',
  welcome: 'Your password is set. You are signed in.',
  password: 'Your password is changed. You are signed out everywhere else.',
};

/** How many days, each of one agent at one server, stand below the agents. */
const latestDeeds = 4;

/** Shows the connected agents, the latest of what they did, and the API keys. */
export async function showAccount(ctx: Context, site: Site, person: Person): Promise<void> {
  const now = site.runtime.clock.now();
  const page = await listConsentsInForce(site.runtime, site.tenant, { filter: { userId: person.userId }, page: readPage(ctx.query) });
  const keys = await listApiKeys(site.runtime, site.tenant, { userId: person.userId, revokedAt: null });
  const activity = await listActivity(site.runtime, site.tenant, { userId: person.userId, limit: latestDeeds });
  const seenBefore = await noteVisit(site.runtime, site.tenant, person.userId);
  const linkTo = (direction: 'after' | 'before', place: ConsentPlace) => `${site.tenant.issuer}/account?${direction}=${writePlace(place)}`;
  const done = typeof ctx.query['done'] === 'string' ? ctx.query['done'] : '';
  const notice = Object.hasOwn(notices, done) ? notices[done] : undefined;
  const within = typeof ctx.query['within'] === 'string' && /^\d{1,4}$/.test(ctx.query['within']) ? Number(ctx.query['within']) : undefined;
  showPage(ctx, site, {
    view: 'account',
    context: {
      ...formFrame(ctx, site, person.email),
      email: person.email,
      connections: page.overviews.map((overview) => connectionOf(overview, now)),
      activity: {
        days: deedsByDay(activity.days, { issuer: site.tenant.issuer, now, seenBefore }),
        ...(seenBefore && { newSince: inWords(seenBefore, now) }),
        hasMore: activity.next !== undefined,
      },
      keys: keys.map((overview) => keyOf(overview, now)),
      ...(page.previous && { newer: linkTo('before', page.previous) }),
      ...(page.next && { older: linkTo('after', page.next) }),
      ...(notice !== undefined && { notice: within === undefined ? notice : `${notice} It takes effect within ${spanInWords(within)}.` }),
    },
  });
}

/** A place in the list, as it stands in an address: `<milliseconds>.<consent id>`. */
function writePlace({ createdAt, id }: ConsentPlace): string {
  return `${createdAt.getTime()}.${id}`;
}

/** What is no place leads to the first page. */
function readPage(query: Context['query']): PageRequest {
  const [after, before] = [readPlace(query['after']), readPlace(query['before'])];
  if (after) return { after };
  return before ? { before } : {};
}

function readPlace(text: unknown): ConsentPlace | undefined {
  const parts = typeof text === 'string' ? /^(\d{1,14})\.(cns_[\w-]{1,64})$/.exec(text) : null;
  return parts ? { createdAt: new Date(Number(parts[1])), id: parts[2] as ConsentId } : undefined;
}
