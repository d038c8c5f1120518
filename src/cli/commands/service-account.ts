import type { Command } from 'commander';
import type { Office } from '../../compose/open-office.ts';
import type { ServiceAccountId } from '../../domain/ids.ts';
import type { Origin } from '../../services/runtime.ts';
import type { ServiceAccountOverview } from '../../services/service-accounts.ts';
import { BadUsage, CommandFailed } from '../failure.ts';
import type { Io } from '../io.ts';
import { type Call, group, inOffice, tenantLeaf } from '../leaf.ts';
import { minute, plainText, table } from '../plain-text.ts';
import type { Report } from '../report.ts';
import { choiceFailure, namesTools, readToolOptions, termsWords, withToolOptions } from '../tool-choice.ts';

type AccountOffice = Office & { origin: Origin };

/** Service accounts: what machine clients and API keys act as. */
export function addServiceAccountCommands(program: Command, io: Io): void {
  const account = group(program, 'service-account', 'what programs act as: machine clients, API keys');
  tenantLeaf(account, 'create', 'make one; a machine client or an API key makes its own, so this is for several keys that share one')
    .requiredOption('--name <name>', 'what operators read')
    .action(inOffice(io, create));
  tenantLeaf(account, 'list', 'list all, with the tools they may use').action(inOffice(io, list));
  withToolOptions(tenantLeaf(account, 'tool', 'show the tools that one may use, or say which, on one server'))
    .argument('<service-account>')
    .option('--none', 'nothing on that server')
    .action(inOffice(io, (office, call) => assign(office, call, call.args[0] ?? '')));
  tenantLeaf(account, 'disable', 'end its tokens and refuse its client and its API keys')
    .argument('<service-account>')
    .action(inOffice(io, (office, call) => setStanding(office, call, true)));
  tenantLeaf(account, 'enable', 'let a disabled one go on')
    .argument('<service-account>')
    .action(inOffice(io, (office, call) => setStanding(office, call, false)));
  tenantLeaf(account, 'remove', 'remove one with its API keys').argument('<service-account>').action(inOffice(io, remove));
}

async function create({ runtime, tenant, origin }: AccountOffice, { options }: Call): Promise<Report> {
  const { createServiceAccount } = await import('../../services/service-accounts.ts');
  const name = readName(options);
  const id = await createServiceAccount(runtime, tenant, { name, origin });
  return {
    json: { id, name },
    text: `${plainText(name)} is made: ${id}\nIt may do nothing yet: toolgrant service-account tool ${id} --server <server> --tool <tool>`,
  };
}

/** The name in the options. Throws `CommandFailed`. */
export function readName(options: Call['options']): string {
  const name = String(options['name']).trim();
  if (name === '' || name.length > 200) throw new CommandFailed('name', 'The name must have 1 to 200 characters.');
  return name;
}

async function list({ runtime, tenant }: AccountOffice): Promise<Report> {
  const { listServiceAccounts } = await import('../../services/service-accounts.ts');
  const { listServers } = await import('../../services/list-servers.ts');
  const accounts = await listServiceAccounts(runtime, tenant);
  const names = new Map((await listServers(runtime, tenant)).map(({ server }) => [server.id, server.name]));
  const rows = accounts.map(({ account, assignments }) => [
    account.id,
    account.name,
    account.clientId ?? '',
    assignments.map(({ serverId, tools }) => `${names.get(serverId) ?? serverId}: ${tools.length}`).join('; ') || 'none',
    account.disabledAt ? `disabled ${minute(account.disabledAt)}` : '',
  ]);
  const none =
    'There is no service account. Machine clients and API keys make theirs: toolgrant client create --help, toolgrant apikey create --help';
  return { json: accounts.map(toJson), text: accounts.length > 0 ? table(['ID', 'NAME', 'CLIENT', 'TOOLS', ''], rows) : none };
}

/** Shows what an account may do, or says what it may do on one server from now on. `named` is the id of the account. */
export async function assign(office: AccountOffice, { options }: Call, named: string): Promise<Report> {
  const { runtime, tenant, origin } = office;
  const [{ assignTools }, { findServiceAccount }] = await Promise.all([
    import('../../services/assign-tools.ts'),
    import('../../services/service-accounts.ts'),
  ]);
  const found = await findServiceAccount(runtime, tenant, named);
  if (!found) throw unknownAccount(named);
  const read = await readToolOptions(office, options);
  const isNone = options['none'] === true;
  if (isNone && namesTools(options)) throw new BadUsage('Give tools, or --none.');
  if (isNone && !read) throw new BadUsage('Name the server on which nothing is to be allowed: --server <server>');
  if (!read || (!isNone && !namesTools(options))) return showAssignments(office, found, read?.server.id);
  const done = await assignTools(runtime, tenant, { serviceAccountId: found.account.id, choice: read.choice, origin });
  if (!done.ok) {
    if (done.problem.kind === 'unknown-account') throw unknownAccount(named);
    throw choiceFailure(done.problem, read.server);
  }
  const { tools, resources, prompts } = done.terms;
  return {
    json: { id: found.account.id, server: read.server.resource, tools: tools.map(({ name }) => name), resources, prompts },
    text: `${plainText(found.account.name)} on ${plainText(read.server.name)}: ${plainText(termsWords(done.terms))}.\nTokens from before end within seconds.`,
  };
}

async function showAssignments(
  { runtime, tenant }: AccountOffice,
  found: ServiceAccountOverview,
  only: string | undefined,
): Promise<Report> {
  const { listServers } = await import('../../services/list-servers.ts');
  const servers = new Map((await listServers(runtime, tenant)).map(({ server }) => [server.id, server]));
  const shown = found.assignments.filter(({ serverId }) => only === undefined || serverId === only);
  const rows = shown.map((one) => [servers.get(one.serverId)?.name ?? one.serverId, termsWords(one), minute(one.assignedAt)]);
  const none = `${plainText(found.account.name)} may do nothing${only === undefined ? '' : ' there'}. To change that: --server <server> --tool <tool>`;
  return { json: toJson({ ...found, assignments: shown }), text: rows.length > 0 ? table(['SERVER', 'TOOLS', 'SINCE'], rows) : none };
}

async function setStanding({ runtime, tenant, origin }: AccountOffice, { args }: Call, isDisabled: boolean): Promise<Report> {
  const { setServiceAccountStanding } = await import('../../services/service-accounts.ts');
  const [id = ''] = args;
  const done = await setServiceAccountStanding(runtime, tenant, { id: id as ServiceAccountId, isDisabled, origin });
  if (!done) throw unknownAccount(id);
  const text = isDisabled
    ? `${plainText(id)} is disabled: its client and keys are refused, its tokens stop within 15 minutes at the latest.\nTo undo it: toolgrant service-account enable ${plainText(id)}`
    : `${plainText(id)} can go on.`;
  return { json: { id, disabled: isDisabled }, text };
}

async function remove({ runtime, tenant, origin }: AccountOffice, { args }: Call): Promise<Report> {
  const { removeServiceAccount } = await import('../../services/service-accounts.ts');
  const [id = ''] = args;
  const done = await removeServiceAccount(runtime, tenant, { id: id as ServiceAccountId, origin });
  if (!done.ok && done.problem === 'unknown-account') throw unknownAccount(id);
  if (!done.ok) throw new CommandFailed(done.problem, 'A client acts as it. Remove that instead: toolgrant client remove <client-id>');
  return { json: { id, removed: true }, text: 'It is removed, with its API keys.' };
}

function unknownAccount(id: string): CommandFailed {
  const shown = plainText(id.slice(0, 60));
  return new CommandFailed(
    'unknown-service-account',
    `There is no service account ${shown}. "toolgrant service-account list" shows all of them.`,
  );
}

function toJson({ account, assignments }: ServiceAccountOverview) {
  const { id, name, clientId, createdAt, disabledAt } = account;
  const allowed = assignments.map(({ serverId, tools, resources, prompts, assignedAt }) => ({
    server: serverId,
    tools: tools.map((tool) => tool.name),
    resources,
    prompts,
    assignedAt,
  }));
  return { id, name, client_id: clientId ?? null, createdAt, disabled: disabledAt !== undefined, allowed };
}
