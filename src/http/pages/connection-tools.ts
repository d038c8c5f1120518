/** The tools that one agent may use, page by page, where they are too many for its entry. */
import type { Context } from 'koa';
import { parseConsentId } from '../../domain/ids.ts';
import { findOwnConsentOverview } from '../../services/list-consents.ts';
import { frameOf, showPage } from '../answer.ts';
import { HttpProblem } from '../http-problem.ts';
import type { Person } from '../route.ts';
import type { Site } from '../site.ts';
import { agentOf } from './agent.ts';
import { allowedTools, toolsPerPage } from './connection-entry.ts';

/** Shows the tools behind the one that the query names; the first ones where there are none. */
export async function showTools(ctx: Context, site: Site, { userId, email }: Person): Promise<void> {
  const consentId = parseConsentId(ctx.params['consentId'] as string);
  if (!consentId) throw new HttpProblem('consent-not-found', { message: 'no id of a consent' });
  const found = await findOwnConsentOverview(site.runtime, site.tenant, { userId, consentId });
  if (!found.ok) throw new HttpProblem('consent-not-found', { message: found.failure.kind });
  const { client, server, consent, tools } = found.value;
  const now = site.runtime.clock.now();
  const connection = `${site.tenant.issuer}/account/consents/${consentId}`;
  const behind = tools.findIndex(({ name }) => name === ctx.query['after']) + 1;
  const start = behind < tools.length ? behind : 0;
  /** The page that begins at a place. */
  const pageAt = (place: number) => {
    const before = tools[place - 1];
    return `${connection}/tools${before ? `?after=${encodeURIComponent(before.name)}` : ''}`;
  };
  showPage(ctx, site, {
    view: 'tools',
    context: {
      ...frameOf(site.tenant, email),
      connection,
      agent: agentOf(client, now),
      server: { name: server.name, resource: server.resource },
      isPaused: consent.isPaused ?? false,
      reportsCalls: server.librarySeenAt !== undefined,
      tools: allowedTools(found.value, { start, now }),
      first: start + 1,
      toolCount: tools.length,
      ...(start > 0 && { previous: pageAt(Math.max(0, start - toolsPerPage)) }),
      ...(start + toolsPerPage < tools.length && { next: pageAt(start + toolsPerPage) }),
    },
  });
}
