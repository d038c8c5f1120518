import { type Command, Option } from 'commander';
import type { Office } from '../../compose/open-office.ts';
import type { ConsentId } from '../../domain/ids.ts';
import type { ConsentOverview } from '../../services/list-consents.ts';
import type { Origin } from '../../services/runtime.ts';
import { CommandFailed } from '../failure.ts';
import { getClient } from '../find-client.ts';
import { getServer } from '../find-server.ts';
import type { Io } from '../io.ts';
import { type Call, group, inOffice, tenantLeaf } from '../leaf.ts';
import { minute, plainText, table } from '../plain-text.ts';
import type { Report } from '../report.ts';

/** How many consents are read at a time. */
const perPage = 500;

type ConsentOffice = Office & { origin: Origin };

/** What people allowed. */
export function addConsentCommands(program: Command, io: Io): void {
  const consent = group(program, 'consent', 'what people allowed');
  tenantLeaf(consent, 'list', 'list the consents in force')
    .option('--email <email>', "one person's (--user is the same)")
    .addOption(new Option('--user <email>').hideHelp().conflicts('email'))
    .option('--client <client-id>', 'for one client')
    .option('--server <server>', 'for one server, by its id or URL')
    .option('--tool <tool>', 'with one tool among what was allowed, by its exact name')
    .action(inOffice(io, list));
  tenantLeaf(consent, 'end', 'end a consent: refresh tokens are refused at once, access tokens stop within seconds or minutes')
    .argument('<consent-id>')
    .action(inOffice(io, end));
  tenantLeaf(consent, 'end-all', 'end all consents, sign everybody out, and withdraw the signing key: after a restore, or a theft').action(
    inOffice(io, endAll),
  );
}

async function list(office: ConsentOffice, call: Call): Promise<Report> {
  const { runtime, tenant } = office;
  const [{ listConsentsInForce }, { findEmails }] = await Promise.all([
    import('../../services/list-consents.ts'),
    import('../../services/list-users.ts'),
  ]);
  const filter = await filterOf(office, call);
  const tool = call.options['tool'] as string | undefined;
  const consents: ConsentOverview[] = [];
  for (let page = await listConsentsInForce(runtime, tenant, { filter, page: { limit: perPage } }); ; ) {
    consents.push(...page.overviews.filter(({ consent }) => tool === undefined || consent.tools.some(({ name }) => name === tool)));
    if (!page.next) break;
    page = await listConsentsInForce(runtime, tenant, { filter, page: { limit: perPage, after: page.next } });
  }
  const emails = await findEmails(
    runtime,
    tenant,
    consents.map(({ consent }) => consent.userId),
  );
  const emailOf = ({ consent }: ConsentOverview) => emails.get(consent.userId) ?? consent.userId;
  const rows = consents.map((one) => [
    one.consent.id,
    emailOf(one),
    one.client.metadata.name ?? one.client.id,
    one.server.name,
    one.consent.isPaused ? `${one.unpaused.allowed.length} (paused)` : String(one.effective.allowed.length),
    one.consent.expiresAt ? minute(one.consent.expiresAt) : 'until revoked',
    one.lastUsedAt ? minute(one.lastUsedAt) : 'never',
  ]);
  return {
    json: consents.map((one) => toJson(one, emailOf(one))),
    text: consents.length > 0 ? table(['ID', 'PERSON', 'AGENT', 'SERVER', 'TOOLS', 'UNTIL', 'LAST USED'], rows) : nothingOf(call),
  };
}

/** Why the list is empty, as far as what was asked can be the reason. */
function nothingOf({ options }: Call): string {
  const asked = ['email', 'user', 'client', 'server', 'tool'].filter((name) => options[name] !== undefined);
  if (asked.length === 0) return 'No consent is in force.';
  return `No consent in force fits ${asked.map((name) => plainText(`--${name} ${String(options[name])}`)).join(', ')}.`;
}

async function filterOf({ runtime, tenant }: ConsentOffice, { options }: Call) {
  const [email, client, server] = [options['email'] ?? options['user'], options['client'], options['server']] as (string | undefined)[];
  const { findUserOfEmail } = await import('../../services/list-users.ts');
  const user = email === undefined ? undefined : await findUserOfEmail(runtime, tenant, email);
  if (email !== undefined && !user)
    throw new CommandFailed('unknown-user', `There is no account ${plainText(email)}. "toolgrant user list" shows all of them.`);
  return {
    ...(user && { userId: user.id }),
    ...(client !== undefined && { clientId: (await getClient({ runtime, tenant }, client)).id }),
    ...(server !== undefined && { serverId: (await getServer({ runtime, tenant }, server)).server.id }),
  };
}

async function end({ runtime, tenant, origin }: ConsentOffice, { args }: Call): Promise<Report> {
  const { endConsent } = await import('../../services/end-consent.ts');
  const [id = ''] = args;
  const ended = await endConsent(runtime, tenant, { consentId: id as ConsentId, reason: 'ended-by-admin', origin });
  if (!ended.ok) {
    throw new CommandFailed('unknown-consent', `There is no consent ${plainText(id)}. "toolgrant consent list" shows those in force.`);
  }
  return { json: { id, ended: true }, text: `The consent ${plainText(id)} has ended. The agent must ask its person anew.` };
}

async function endAll({ runtime, tenant, origin }: ConsentOffice): Promise<Report> {
  const { endAllConsents } = await import('../../services/end-all-consents.ts');
  const ended = await endAllConsents(runtime, tenant, { origin });
  return {
    json: { tenant: tenant.slug, ended },
    text: `${ended} ${ended === 1 ? 'consent has' : 'consents have'} ended, everybody is signed out, and the key that signed until now is withdrawn.`,
  };
}

function toJson(
  { consent, client, server, effective, installationCount, lastUsedAt, effectWithinSeconds }: ConsentOverview,
  email: string,
) {
  const { id, version, resources, prompts, expiresAt, decidedAt } = consent;
  return {
    id,
    version,
    person: { id: consent.userId, email },
    client: { client_id: client.id, client_name: client.metadata.name ?? null },
    server: { id: server.id, name: server.name, resource: server.resource },
    paused: consent.isPaused ?? false,
    tools: effective.allowed.map(({ name }) => name),
    allowed: consent.tools.map((tool) => ({ name: tool.name, expiresAt: tool.expiresAt ?? null })),
    resources,
    prompts,
    installations: installationCount,
    expiresAt: expiresAt ?? null,
    decidedAt,
    lastUsedAt: lastUsedAt ?? null,
    effectWithinSeconds,
  };
}
