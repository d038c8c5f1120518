import type { LeftOut } from '../domain/effective-tools.ts';
import type { RiskProfile } from '../domain/risk.ts';
import type { TenantChange } from '../domain/tenant-plan.ts';
import type { ConsentEffect, ConsentEffects } from '../services/preview-plan.ts';
import { minute, plainText } from './plain-text.ts';

/** What a file changes, a line each: `+` what comes, `~` what becomes another, `-` what goes. */
export function changeLines(change: TenantChange): string[] {
  switch (change.kind) {
    case 'add-server':
      return [
        line('+', 'server', `${change.name} (${change.uri.resource})`),
        ...[...change.tools].map(([tool, risk]) => line('+', 'tool', `${tool} of ${change.name}: ${riskWords(risk)}`)),
      ];
    case 'rename-server':
      return [line('~', 'server', `${change.server.resource}: the name is ${change.name} (was ${change.server.name})`)];
    case 'set-risk':
      return [line('~', 'tool', `${change.tool} of ${change.server.name}: ${riskWords(change.now)} (was ${riskWords(change.before)})`)];
    case 'add-client':
      return [line('+', 'client', `${change.id} (${change.metadata.name ?? ''})`)];
    case 'change-client':
      return [line('~', 'client', `${change.client.id}: ${change.members.join(', ')}`)];
    case 'add-group':
      return [line('+', 'group', change.name)];
    case 'change-members':
      return [
        ...change.add.map(({ email }) => line('+', 'member', `${email} in ${change.group}`)),
        ...change.remove.map(({ email }) => line('-', 'member', `${email} in ${change.group}`)),
      ];
    case 'change-policy':
      return [
        ...change.change.added.map((name) => line('+', 'rule', name)),
        ...change.change.changed.map((name) => line('~', 'rule', name)),
        ...change.change.removed.map((name) => line('-', 'rule', name)),
      ];
    default:
      return change satisfies never;
  }
}

function line(sign: '+' | '~' | '-', what: string, about: string): string {
  return `  ${sign} ${what.padEnd(7)} ${plainText(about)}`;
}

function riskWords(risk: RiskProfile | undefined): string {
  return risk ? `${risk.risk}${risk.openWorld ? ', reaches beyond its server' : ''}` : 'as the server says';
}

/** What is to be done by hand afterwards: secrets are never in a file, and never in what this prints. */
export function nextSteps(changes: readonly TenantChange[], { areToolsRead }: { areToolsRead: boolean }): string[] {
  return changes.flatMap((change) => {
    if (change.kind === 'add-server') {
      const { resource } = change.uri;
      return [
        `  toolgrant server credential ${plainText(resource)}  (prints the credential for the server)`,
        ...(areToolsRead ? [] : [`  toolgrant server sync ${plainText(resource)}  (reads its tools)`]),
      ];
    }
    const needsSecret = change.kind === 'add-client' && change.metadata.authMethod.startsWith('client_secret');
    return needsSecret ? [`  toolgrant client secret ${plainText(change.id)} --now  (prints the secret for the client)`] : [];
  });
}

/** The most consents that a terminal is told of. */
const maxShown = 50;

/** Whom it concerns, a block for those who lose something and one for those who only gain. */
export function effectBlocks({ narrowed, widened, narrowedCount, widenedCount }: ConsentEffects, isDone: boolean): string[] {
  const block = (heading: string, count: number, effects: readonly ConsentEffect[]) => {
    if (count === 0) return [];
    const shown = Math.min(effects.length, maxShown);
    const more = count > shown ? [`  and ${count - shown} more (--json lists up to 10,000)`] : [];
    return [[`${heading}: ${count}`, ...effects.slice(0, maxShown).map(effectLine), ...more].join('\n')];
  };
  return [
    ...block(isDone ? 'Consents that narrowed' : 'Consents that would narrow', narrowedCount, narrowed),
    ...block(
      isDone ? 'Consents that widened, within what people had allowed' : 'Consents that would widen, within what people have allowed',
      widenedCount,
      widened,
    ),
  ];
}

function effectLine({ email, client, server, lost, sooner, gained }: ConsentEffect): string {
  const parts = [
    ...(lost.length > 0 ? [`loses ${some(lost.map(lostWords))}`] : []),
    ...(sooner.length > 0 ? [`ends earlier: ${some(sooner.map(({ name, endsAt }) => `${name} (${minute(endsAt)})`))}`] : []),
    ...(gained.length > 0 ? [`gains ${some(gained)}`] : []),
  ];
  return `  ${plainText(`${email}, ${client.name ?? client.id} on ${server.name}: ${parts.join('; ')}`)}`;
}

function lostWords({ name, reason, rule }: LeftOut): string {
  switch (reason) {
    case 'denied-by-policy':
      return `${name} (${rule} denies it)`;
    case 'not-allowed-by-policy':
      return `${name} (no rule allows it)`;
    case 'policy-time-over':
      return `${name} (allowed longer ago than ${rule} lets it last)`;
    case 'needs-sign-in':
      return `${name} (${rule} wants a sign-in shortly before it is allowed)`;
    case 'riskier-than-consented':
      return `${name} (it is riskier now than when it was allowed)`;
    default:
      return name;
  }
}

/** The first few names of many. */
function some(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(', ');
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown;
}

/** A change as programs read it. */
export function changeToJson(change: TenantChange): object {
  switch (change.kind) {
    case 'add-server':
      return { change: 'server-added', resource: change.uri.resource, name: change.name, tools: Object.fromEntries(change.tools) };
    case 'rename-server':
      return { change: 'server-renamed', resource: change.server.resource, before: change.server.name, now: change.name };
    case 'set-risk': {
      const { server, tool, before, now } = change;
      return { change: 'tool-risk-set', resource: server.resource, tool, before: before ?? null, now: now ?? null };
    }
    case 'add-client':
      return { change: 'client-added', client_id: change.id, client_name: change.metadata.name ?? null };
    case 'change-client':
      return { change: 'client-changed', client_id: change.client.id, members: change.members };
    case 'add-group':
      return { change: 'group-added', group: change.name };
    case 'change-members': {
      const emails = (people: readonly { email: string }[]) => people.map(({ email }) => email);
      return { change: 'members-changed', group: change.group, added: emails(change.add), removed: emails(change.remove) };
    }
    case 'change-policy':
      return { change: 'policy-changed', ...change.change };
    default:
      return change satisfies never;
  }
}
