import type { Command } from 'commander';
import type { Office } from '../../compose/open-office.ts';
import type { AccessExplanation } from '../../services/explain-access.ts';
import type { Origin } from '../../services/runtime.ts';
import { type AccessPlace, verdictWords } from '../access-words.ts';
import { BadUsage, CommandFailed } from '../failure.ts';
import { getClient } from '../find-client.ts';
import { getServer } from '../find-server.ts';
import type { Io } from '../io.ts';
import { type Call, inOffice, tenantLeaf } from '../leaf.ts';
import { minute, plainText, table } from '../plain-text.ts';
import type { Report } from '../report.ts';

type ExplainOffice = Office & { origin: Origin };

/** Who can call what, and why not. */
export function addExplainCommand(program: Command, io: Io): void {
  tenantLeaf(
    program,
    'explain',
    'say who can call which tool, and why not: rule, consent, time, change; for one person, or one tool over all',
  )
    .requiredOption('--server <server>', 'its id or its URL')
    .option('--user <email>', 'one person; without, everybody who allowed an agent something there')
    .option('--client <client-id>', 'one agent; without, every agent that was allowed something there')
    .option('--tool <tool>', 'one tool; needed without --user')
    .action(inOffice(io, explain));
}

async function explain(office: ExplainOffice, { options }: Call): Promise<Report> {
  const { runtime, tenant } = office;
  const { explainAccess } = await import('../../services/explain-access.ts');
  const [email, clientId, tool] = [options['user'], options['client'], options['tool']] as (string | undefined)[];
  if (email === undefined && tool === undefined)
    throw new BadUsage('Say whom or what it is about: --user <email>, or --tool <tool> for everybody.');
  const { server } = await getServer(office, String(options['server']));
  const user = email === undefined ? undefined : await getUser(office, email);
  const client = clientId === undefined ? undefined : await getClient(office, clientId);
  const question = { server, ...(user && { user }), ...(client && { client }), ...(tool !== undefined && { tool }) };
  const all: AccessExplanation[] = [];
  for await (const one of explainAccess(runtime, tenant, question)) all.push(one);
  const place: AccessPlace = { issuer: tenant.issuer, server, mayAccept: tenant.settings.riskierTools === 'administrators' };
  return { json: all.map((one) => toJson(one, place)), text: textOf(all, { place, email, tool }) };
}

function textOf(
  all: readonly AccessExplanation[],
  about: { place: AccessPlace; email: string | undefined; tool: string | undefined },
): string {
  const { place, email, tool } = about;
  const server = plainText(place.server.name);
  if (all.length === 0) {
    return email === undefined
      ? `Nobody allows an agent anything on ${server} now.`
      : `${plainText(email)} allows no agent anything on ${server} now.`;
  }
  if (email === undefined && tool !== undefined) return toolTable(all, place, tool);
  return all.map((one) => personBlock(one, place)).join('\n\n');
}

/** One tool, a line for each person and agent. */
function toolTable(all: readonly AccessExplanation[], place: AccessPlace, tool: string): string {
  const rows = all.flatMap((one) =>
    one.tools.map((verdict): string[] => {
      const { why } = verdictWords(verdict, one, place);
      return [verdict.can ? 'yes' : 'no', one.user.email, one.client.metadata.name ?? one.client.id, why];
    }),
  );
  const can = all.filter(({ tools }) => tools.some((verdict) => verdict.can)).length;
  const counted = `${plainText(tool)} of ${plainText(place.server.name)} can be called by ${can} of ${all.length} that allow an agent something there:`;
  const more = 'Why one of them cannot, and what helps: add --user and --client. Whoever is not listed allows no agent anything there.';
  return [counted, table(['CALL', 'PERSON', 'AGENT', 'WHY'], rows), more].join('\n\n');
}

/** One person and agent, a line for each tool; what helps stands below it. */
function personBlock(one: AccessExplanation, place: AccessPlace): string {
  const lines = one.tools.flatMap((verdict) => {
    const { why, next } = verdictWords(verdict, one, place);
    const first = `  ${verdict.can ? 'yes' : 'no '}  ${plainText(verdict.tool)}: ${plainText(why)}`;
    return next === undefined ? [first] : [first, `       ${plainText(next)}`];
  });
  return [...headerOf(one, place).map(plainText), '', ...(lines.length > 0 ? lines : ['  The server has no tools.'])].join('\n');
}

function headerOf({ user, groups, client, host, isVerified, consent }: AccessExplanation, place: AccessPlace): string[] {
  const kind = { manual: 'made by an administrator', dynamic: 'registered itself', document: 'a metadata document' }[client.kind];
  const known = [kind, ...(host === undefined ? [] : [`of ${host}`]), isVerified ? 'verified' : 'not verified'].join(', ');
  const standing = consent
    ? `decided ${minute(consent.decidedAt)}, ${consent.endedAt ? 'ended' : consent.expiresAt ? `until ${minute(consent.expiresAt)}` : 'until revoked'}`
    : 'none';
  return [
    `${user.email}, ${client.metadata.name ?? client.id} on ${place.server.name}`,
    `  Groups:   ${groups.length > 0 ? groups.join(', ') : 'none'}`,
    `  Agent:    ${client.id} (${known})`,
    `  Consent:  ${consent ? `${consent.id}, ` : ''}${standing}`,
  ];
}

async function getUser({ runtime, tenant }: ExplainOffice, email: string) {
  const { findUserOfEmail } = await import('../../services/list-users.ts');
  const user = await findUserOfEmail(runtime, tenant, email);
  if (!user) throw new CommandFailed('unknown-user', `There is no account ${plainText(email)}. "toolgrant user list" shows all of them.`);
  return user;
}

function toJson(one: AccessExplanation, place: AccessPlace) {
  const { user, groups, client, host, isVerified, consent, tools } = one;
  return {
    person: { id: user.id, email: user.email, groups },
    client: {
      client_id: client.id,
      client_name: client.metadata.name ?? null,
      kind: client.kind,
      host: host ?? null,
      verified: isVerified,
    },
    server: place.server.id,
    consent: consent
      ? {
          id: consent.id,
          version: consent.version,
          decidedAt: consent.decidedAt,
          signedInAt: consent.signedInAt ?? null,
          expiresAt: consent.expiresAt ?? null,
          endedAt: consent.endedAt ?? null,
        }
      : null,
    tools: tools.map((verdict) => {
      const { tool, can, reason, rule, until, hasChanged, wouldAllow } = verdict;
      const { why, next } = verdictWords(verdict, one, place);
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
