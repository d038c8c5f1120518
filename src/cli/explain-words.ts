/** What may call tools, as `explain` tells it: a line, a block, or JSON. */
import type { ToolVerdict } from '../domain/explain-access.ts';
import type { AccessExplanation, AgentAccess } from '../services/explain-access.ts';
import type { AccountAccess, KeyAccess } from '../services/explain-machines.ts';
import { agentWords } from './access-words.ts';
import { accountWords, keyWords } from './machine-words.ts';
import { minute, plainText } from './plain-text.ts';
import type { AccessPlace, VerdictWords } from './verdict-words.ts';

function wordsOf(verdict: ToolVerdict, one: AccessExplanation, place: AccessPlace): VerdictWords {
  switch (one.kind) {
    case 'person':
      return agentWords(verdict, one, place);
    case 'api-key':
      return keyWords(verdict, one, place);
    case 'service-account':
      return accountWords(verdict, one, place);
  }
}

/** One that may be able to call one tool: whether it can, who and by what, why. */
export function callerRow(one: AccessExplanation, place: AccessPlace): string[] {
  const [verdict] = one.tools;
  const [who, by] = namesOf(one);
  return [verdict?.can ? 'yes' : 'no', who, by, verdict ? wordsOf(verdict, one, place).why : ''];
}

function namesOf(one: AccessExplanation): [who: string, by: string] {
  switch (one.kind) {
    case 'person':
      return [one.user.email, one.client.metadata.name ?? one.client.id];
    case 'api-key':
      return ['user' in one.owner ? one.owner.user.email : `service account ${one.owner.account.name}`, `API key ${one.key.name}`];
    case 'service-account':
      return [`service account ${one.account.name}`, one.client.metadata.name ?? one.client.id];
  }
}

/** The same with a line for each tool; what helps stands below it. */
export function explanationBlock(one: AccessExplanation, place: AccessPlace): string {
  const lines = one.tools.flatMap((verdict) => {
    const { why, next } = wordsOf(verdict, one, place);
    const first = `  ${verdict.can ? 'yes' : 'no '}  ${plainText(verdict.tool)}: ${plainText(why)}`;
    return next === undefined ? [first] : [first, `       ${plainText(next)}`];
  });
  const [who, by] = namesOf(one);
  const header = [`${who}, ${by} on ${place.server.name}`, ...factsOf(one)];
  return [...header.map(plainText), '', ...(lines.length > 0 ? lines : ['  The server has no tools.'])].join('\n');
}

function factsOf(one: AccessExplanation): string[] {
  switch (one.kind) {
    case 'person':
      return agentFacts(one);
    case 'api-key':
      return keyFacts(one);
    case 'service-account':
      return accountFacts(one);
  }
}

function agentFacts({ groups, client, host, isVerified, consent }: AgentAccess): string[] {
  const kind = { manual: 'made by an administrator', dynamic: 'registered itself', document: 'a metadata document' }[client.kind];
  const known = [kind, ...(host === undefined ? [] : [`of ${host}`]), isVerified ? 'verified' : 'not verified'].join(', ');
  const standing = consent
    ? `decided ${minute(consent.decidedAt)}, ${consent.endedAt ? 'ended' : consent.expiresAt ? `until ${minute(consent.expiresAt)}` : 'until revoked'}`
    : 'none';
  return [groupsLine(groups), `  Agent:    ${client.id} (${known})`, `  Consent:  ${consent ? `${consent.id}, ` : ''}${standing}`];
}

function keyFacts({ key, owner }: KeyAccess): string[] {
  return [
    'user' in owner ? groupsLine(owner.groups) : `  Acts as:  ${owner.account.id}`,
    `  API key:  ${key.id}, made ${minute(key.createdAt)}, ${key.revokedAt ? 'revoked' : `until ${minute(key.expiresAt)}`}`,
  ];
}

function accountFacts({ account, client, assignment }: AccountAccess): string[] {
  const assigned = assignment ? `assigned ${minute(assignment.assignedAt)}` : 'assigned nothing there';
  return [`  Acts as:  ${account.id}, ${assigned}`, `  Client:   ${client.id}`];
}

function groupsLine(groups: readonly string[]): string {
  return `  Groups:   ${groups.length > 0 ? groups.join(', ') : 'none'}`;
}

/** The same for programs (docs/policy.md): every member is there always, null where it does not apply. */
export function explanationToJson(one: AccessExplanation, place: AccessPlace) {
  return {
    kind: one.kind,
    person: personOf(one),
    client: clientOf(one),
    apiKey: one.kind === 'api-key' ? keyToJson(one) : null,
    serviceAccount: accountOf(one),
    server: place.server.id,
    consent: one.kind === 'person' && one.consent ? consentToJson(one.consent) : null,
    tools: one.tools.map((verdict) => {
      const { tool, can, reason, rule, until, hasChanged, wouldAllow } = verdict;
      const { why, next } = wordsOf(verdict, one, place);
      return {
        tool,
        can,
        reason: reason ?? null,
        rule: rule ?? null,
        until: until ?? null,
        changed: hasChanged,
        ...(wouldAllow && { wouldAllow }),
        why,
        next: next ?? null,
      };
    }),
  };
}

function personOf(one: AccessExplanation) {
  const whose = one.kind === 'person' ? one : one.kind === 'api-key' && 'user' in one.owner ? one.owner : undefined;
  return whose ? { id: whose.user.id, email: whose.user.email, groups: whose.groups } : null;
}

function clientOf(one: AccessExplanation) {
  if (one.kind === 'api-key') return null;
  const { id, metadata, kind } = one.client;
  const known = one.kind === 'person' ? { host: one.host ?? null, verified: one.isVerified } : { host: null, verified: kind === 'manual' };
  return { client_id: id, client_name: metadata.name ?? null, kind, ...known };
}

function accountOf(one: AccessExplanation) {
  const account =
    one.kind === 'service-account' ? one.account : one.kind === 'api-key' && 'account' in one.owner ? one.owner.account : undefined;
  return account ? { id: account.id, name: account.name } : null;
}

function keyToJson({ key: { id, name, createdAt, expiresAt, revokedAt } }: KeyAccess) {
  return { id, name, createdAt, expiresAt, revokedAt: revokedAt ?? null };
}

function consentToJson({ id, version, decidedAt, signedInAt, expiresAt, endedAt, isPaused }: NonNullable<AgentAccess['consent']>) {
  return {
    ...{ id, version, decidedAt },
    signedInAt: signedInAt ?? null,
    expiresAt: expiresAt ?? null,
    endedAt: endedAt ?? null,
    paused: isPaused ?? false,
  };
}
