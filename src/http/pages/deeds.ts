/** What agents did, in sentences: grouped by day, agent and server. */
import { idPrefixes } from '../../domain/ids.ts';
import { type Risk, risks } from '../../domain/risk.ts';
import type { DayOfActivity } from '../../services/list-activity.ts';
import type { DayOfDeedsContext, DeedContext, DeedToolContext } from '../views/activity-contexts.ts';
import { dayInWords, timeInWords, timesInWords } from '../views/instants.ts';
import { readableName } from '../views/untrusted-text.ts';
import { agentOf } from './agent.ts';

/** What sentences are made with. */
export interface DeedTerms {
  issuer: string;
  now: Date;
  /** When the person looked before; what came since is new. */
  seenBefore: Date | undefined;
}

/** Groups by day; within one, what happened last comes first. */
export function deedsByDay(days: readonly DayOfActivity[], terms: DeedTerms): DayOfDeedsContext[] {
  const grouped = Map.groupBy(days, ({ day }) => day.getTime());
  return [...grouped].map(([day, activities]) => ({
    title: dayInWords(new Date(day), terms.now),
    deeds: activities.toSorted((a, b) => b.lastAt.getTime() - a.lastAt.getTime()).map((activity) => deedOf(activity, terms)),
  }));
}

function deedOf(activity: DayOfActivity, { issuer, now, seenBefore }: DeedTerms): DeedContext {
  const { tools, toolCount, failures, lastAt, reported, consentId } = activity;
  const server = readableName(activity.serverName, 'a server');
  const sayer = activity.serverName === undefined ? 'the server' : server;
  const titleOf = ({ name, title }: DayOfActivity['tools'][number]) =>
    name === '' ? 'something that it does not have' : readableName(title ?? name, 'a tool');
  const used = tools.filter(({ calls }) => calls > 0).map((tool) => ({ ...tool, title: titleOf(tool), times: timesInWords(tool.calls) }));
  const refused = tools
    .filter(({ refusals }) => refusals > 0)
    .map((tool) => ({
      title: titleOf(tool),
      times: timesInWords(tool.refusals),
      ...(consentId && tool.risk && { whyHref: `${issuer}/widen?${new URLSearchParams({ consent: consentId, tool: tool.name })}` }),
    }));
  return {
    who: whoOf(activity, now),
    server,
    used: groupedByRisk(used, toolCount - tools.length),
    refused: enumerated(refused, used.length === 0 ? toolCount - tools.length : 0),
    ...(failures > 0 && { failed: failures === 1 ? 'One of these calls failed.' : `${failures} of these calls failed.` }),
    source: { all: `Reported by ${sayer}`, some: `Partly reported by ${sayer}`, none: 'Seen by this site' }[reported],
    last: timeInWords(lastAt),
    isNew: seenBefore !== undefined && lastAt > seenBefore,
  };
}

function whoOf({ client, apiKeyName, grant }: DayOfActivity, now: Date): DeedContext['who'] {
  if (apiKeyName !== undefined) return { key: readableName(apiKeyName, 'without a name') };
  return client ? { agent: agentOf(client, now) } : { wasKey: grant.startsWith(idPrefixes.apiKey) };
}

/** What was done, by what a tool may do; of one that destroys, nobody but the server knows whether it did. */
const verbs: Readonly<Record<Risk, string>> = {
  read: 'read',
  write: 'changed something',
  destructive: 'may have deleted or overwritten something',
};

type UsedTool = { title: string; times: string; risk?: Risk };

/** The mildest first, what is not known last. */
function groupedByRisk(used: readonly UsedTool[], more: number): DeedContext['used'] {
  const kinds = [...risks.map((risk) => ({ risk, verb: verbs[risk] })), { risk: undefined }];
  const found = kinds.flatMap(({ risk, ...words }) => {
    const tools = used.filter((tool) => tool.risk === risk);
    return tools.length === 0
      ? []
      : [{ ...words, tools: tools.map(({ title, times }, place) => ({ title, times, before: place === 0 ? '' : ', ' })) }];
  });
  const groups = found.map((group, place) => ({ ...group, before: joint(place, found.length, more) }));
  return more > 0 && groups.length > 0 ? { groups, more: moreInWords(more) } : { groups };
}

/** What stands before a part: nothing, a comma, or “and”, unless something comes behind all of them. */
function joint(place: number, length: number, more: number): string {
  if (place === 0) return '';
  return place === length - 1 && more <= 0 ? ' and ' : ', ';
}

function moreInWords(more: number): string {
  return more === 1 ? 'one more tool' : `${more} more tools`;
}

/** With what stands before each: nothing, a comma, or “and”. */
function enumerated(parts: readonly Omit<DeedToolContext, 'before'>[], more: number): { tools: DeedToolContext[]; more?: string } {
  const tools = parts.map((part, place) => ({ ...part, before: joint(place, parts.length, more) }));
  return more > 0 && parts.length > 0 ? { tools, more: moreInWords(more) } : { tools };
}
