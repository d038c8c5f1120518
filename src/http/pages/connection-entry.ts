/** How one connected agent appears on the account page. Pure. */
import { areEmpty } from '../../domain/consent.ts';
import type { LeftOutReason } from '../../domain/effective-tools.ts';
import { findUnusedTools } from '../../domain/unused-tools.ts';
import type { ConsentOverview } from '../../services/list-consents.ts';
import type { ConnectionContext } from '../views/connection-contexts.ts';
import { inWords } from '../views/instants.ts';
import type { AllowedToolContext, InstallationContext } from '../views/part-contexts.ts';
import { textsOf } from '../views/tool-texts.ts';
import { readableName } from '../views/untrusted-text.ts';
import { agentOf } from './agent.ts';
import { countByRisk } from './count-by-risk.ts';

/** How many tools of an agent are listed on one page. */
export const toolsPerPage = 100;

/** The entry. Of an agent that is paused it says what it may do when it goes on. */
export function connectionOf(overview: ConsentOverview, { issuer, now }: { issuer: string; now: Date }): ConnectionContext {
  const { consent, client, server, tools, unpaused, installations, installationCount, lastUsedAt } = overview;
  return {
    id: consent.id,
    agent: agentOf(client, now),
    server: { name: server.name, resource: server.resource },
    ...countByRisk(tools),
    resources: unpaused.resources,
    prompts: unpaused.prompts,
    isPaused: consent.isPaused ?? false,
    waiting: unpaused.leftOut.map(({ name, reason }) => ({ title: readableName(name, 'a tool'), reason: waitingWords(reason) })),
    tools: allowedTools(overview, { start: 0, now }),
    toolCount: tools.length,
    ...(tools.length > toolsPerPage && { allTools: `${issuer}/account/consents/${consent.id}/tools` }),
    reportsCalls: server.librarySeenAt !== undefined,
    ...unusedOf(overview, now),
    installations: installations.map((installation) => placeOf(installation, now)),
    installationCount,
    ...(installationCount > installations.length && { allPlaces: `${issuer}/account/consents/${consent.id}/places` }),
    until: consent.expiresAt ? inWords(consent.expiresAt, now) : 'you revoke it',
    allowedOn: inWords(consent.decidedAt, now),
    lastUsed: lastUsedAt ? inWords(lastUsedAt, now) : 'not yet',
  };
}

/** A page of the tools that it may use, in the order of the catalogue: those from a place in it on. */
export function allowedTools(
  { consent, tools, toolUses }: ConsentOverview,
  { start, now }: { start: number; now: Date },
): AllowedToolContext[] {
  const decided = new Map(consent.tools.map((tool) => [tool.name, tool]));
  return tools.slice(start, start + toolsPerPage).map((tool) => {
    const [until, lastCall] = [decided.get(tool.name)?.expiresAt, toolUses.get(tool.name)];
    return {
      value: tool.name,
      title: textsOf(tool).title,
      risk: tool.risk,
      openWorld: tool.openWorld,
      ...(lastCall && { lastCalled: inWords(lastCall, now) }),
      ...(until && { until: inWords(until, now) }),
    };
  });
}

/** What was not called for long: nothing is said where calls are not reported, or where it is paused. */
function unusedOf({ consent, server, tools, toolUses }: ConsentOverview, now: Date): Pick<ConnectionContext, 'unused' | 'isUnused'> {
  if (!server.librarySeenAt || consent.isPaused) return { unused: [], isUnused: false };
  const names = new Set(findUnusedTools(consent, toolUses, now));
  const unused = tools.filter(({ name }) => names.has(name)).map((tool) => ({ value: tool.name, title: textsOf(tool).title }));
  const taken = new Set(unused.map(({ value }) => value));
  const left = { ...consent, tools: consent.tools.filter(({ name }) => !taken.has(name)) };
  return areEmpty(left) ? { unused: [], isUnused: unused.length > 0 } : { unused, isUnused: false };
}

/** One place where she uses it. */
export function placeOf({ id, createdAt, place, lastTokenAt }: ConsentOverview['installations'][number], now: Date): InstallationContext {
  return {
    id,
    since: inWords(createdAt, now),
    ...(place.browser !== undefined && { browser: place.browser }),
    ...(place.address !== undefined && { address: place.address }),
    lastUsed: lastTokenAt ? inWords(lastTokenAt, now) : 'not yet',
  };
}

function waitingWords(reason: LeftOutReason): string {
  switch (reason) {
    case 'riskier-than-consented':
      return 'it may do more than when you allowed it: look at it under Change';
    case 'client-in-quarantine':
      return 'the agent may only read for now';
    case 'reported-riskier':
      return 'the server reports that it has changed, which is being looked at';
    case 'denied-by-policy':
    case 'not-allowed-by-policy':
      return 'your organisation does not allow it now';
    case 'policy-time-over':
      return 'your organisation lets it be allowed for less long: allow it again under Change';
    case 'needs-sign-in':
      return 'your organisation wants you to sign in shortly before you allow it: allow it again under Change';
    case 'tool-expired':
      return 'its time is over: allow it again under Change';
    case 'consent-paused':
      return 'you have paused it';
    case 'not-in-catalogue':
    case 'consent-ended':
    case 'consent-expired':
      return 'the server does not offer it now';
    default:
      return reason satisfies never;
  }
}
