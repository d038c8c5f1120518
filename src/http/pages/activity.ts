/** What a person's agents did: all of it, page by page, or one agent's. */
import type { Context } from 'koa';
import { type ApiKeyId, type ClientId, parseApiKeyId, parseConsentId } from '../../domain/ids.ts';
import { listActivity, listActivityAgents, noteVisit, type UsePlace } from '../../services/list-activity.ts';
import { frameOf, showPage } from '../answer.ts';
import type { Person } from '../route.ts';
import type { Site } from '../site.ts';
import { inWords } from '../views/instants.ts';
import { readableName } from '../views/untrusted-text.ts';
import { deedsByDay } from './deeds.ts';

/** How many days, each of one agent at one server, a page holds. */
const perPage = 20;

/** Shows what agents did. */
export async function showActivity(ctx: Context, site: Site, { userId, email }: Person): Promise<void> {
  const { runtime, tenant } = site;
  const now = runtime.clock.now();
  const seenBefore = await noteVisit(runtime, tenant, userId);
  const { agents, keys } = await listActivityAgents(runtime, tenant, userId);
  // Only what can be chosen; anything else shows all.
  const agentId = [...agents, ...keys].find(({ id }) => id === ctx.query['agent'])?.id;
  const after = readPlace(ctx.query['after']);
  const { days, next } = await listActivity(runtime, tenant, {
    userId,
    limit: perPage,
    ...(agentId && { agentId }),
    ...(after && { after }),
  });
  const address = (query: Record<string, string>) => {
    const written = new URLSearchParams(query).toString();
    return `${tenant.issuer}/account/activity${written === '' ? '' : `?${written}`}`;
  };
  const chosen = agentId && { agent: agentId };
  const choiceOf = (id: ClientId | ApiKeyId, name: string) => ({ href: address({ agent: id }), name, isChosen: id === agentId });
  const choices = [
    ...agents.map(({ id, name }) => choiceOf(id, readableName(name, 'An agent without a name'))),
    ...keys.map(({ id, name }) => choiceOf(id, `API key ${readableName(name, 'without a name')}`)),
  ];
  showPage(ctx, site, {
    view: 'activity',
    context: {
      ...frameOf(tenant, email),
      days: deedsByDay(days, { issuer: tenant.issuer, now, seenBefore }),
      // With one agent there is nothing to choose.
      agents: choices.length > 1 || chosen ? [{ href: address({}), name: 'All agents', isChosen: !chosen }, ...choices] : [],
      isFiltered: chosen !== undefined,
      ...(seenBefore && { newSince: inWords(seenBefore, now) }),
      ...(after && { latest: address({ ...chosen }) }),
      ...(next && { older: address({ ...chosen, after: writePlace(next) }) }),
    },
  });
}

/** A place in the list, as it stands in an address: `<day>.<consent or key>`. */
function writePlace({ day, grant }: UsePlace): string {
  return `${day.toISOString().slice(0, 10)}.${grant}`;
}

/** What is no place leads to the first page. */
function readPlace(text: unknown): UsePlace | undefined {
  const [, date = '', id = ''] = typeof text === 'string' ? (/^(\d{4}-\d\d-\d\d)\.([\w-]{1,72})$/.exec(text) ?? []) : [];
  const day = new Date(`${date}T00:00:00Z`);
  const grant = parseConsentId(id) ?? parseApiKeyId(id);
  return grant && !Number.isNaN(day.getTime()) && day.getUTCFullYear() > 2000 ? { day, grant } : undefined;
}
