import type { Command } from 'commander';
import type { Office } from '../../compose/open-office.ts';
import type { listClients } from '../../services/list-clients.ts';
import type { Origin } from '../../services/runtime.ts';
import { CommandFailed } from '../failure.ts';
import type { Io } from '../io.ts';
import { type Call, group, inOffice, tenantLeaf } from '../leaf.ts';
import { minute, plainText, table } from '../plain-text.ts';
import type { Report } from '../report.ts';

type Client = Awaited<ReturnType<typeof listClients>>[number];
type ClientOffice = Office & { origin: Origin };

/** OAuth clients. */
export function addClientCommands(program: Command, io: Io): void {
  const client = group(program, 'client', 'the OAuth clients: agents that ask for access');

  tenantLeaf(client, 'create', 'make a client by hand; most register themselves')
    .requiredOption('--name <name>', 'what people read when they decide')
    .option('--redirect-uri <uri>', 'where answers go; may be repeated', collect, [])
    .option('--grant <grant>', 'authorization_code or refresh_token; may be repeated (default: both)', collect, [])
    .option('--auth <method>', 'none, client_secret_basic or client_secret_post', 'client_secret_basic')
    .action(inOffice(io, create));

  tenantLeaf(client, 'list', 'list all clients').action(inOffice(io, list));
  tenantLeaf(client, 'show', 'show one client').argument('<client-id>').action(inOffice(io, show));
  tenantLeaf(client, 'remove', 'remove a client with everything that people allowed it')
    .argument('<client-id>')
    .action(inOffice(io, remove));
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

async function create({ runtime, tenant, origin }: ClientOffice, { options }: Call): Promise<Report> {
  const { createManualClient } = await import('../../services/create-client.ts');
  const grants = options['grant'] as string[];
  const request = {
    name: String(options['name']),
    redirectUris: options['redirectUri'] as string[],
    authMethod: String(options['auth']),
    ...(grants.length > 0 && { grants }),
  };
  const made = await createManualClient(runtime, tenant, { request, origin });
  if (!made.ok) throw new CommandFailed(made.problem.kind, `The client cannot be made: ${plainText(made.problem.reason)}.`);
  const { client, secret } = made;
  const secretLines =
    secret === undefined
      ? ['It has no secret: it proves itself by PKCE alone.']
      : [`Client secret:  ${secret}`, 'The secret is shown this once.'];
  return {
    json: { ...toJson(client), client_secret: secret ?? null },
    text: [`${plainText(request.name)} is made.`, '', `Client id:      ${client.id}`, ...secretLines].join('\n'),
  };
}

async function list({ runtime, tenant }: ClientOffice): Promise<Report> {
  const services = await import('../../services/list-clients.ts');
  const clients = await services.listClients(runtime, tenant);
  const rows = clients.map((client) => [client.id, nameOf(client), originWords(client), minute(client.createdAt), useOf(client)]);
  const none = 'There is no client yet. MCP clients register themselves when they connect; by hand: toolgrant client create';
  return {
    json: clients.map(toJson),
    text: clients.length > 0 ? table(['ID', 'NAME', 'ORIGIN', 'MADE', 'FIRST ALLOWED'], rows) : none,
  };
}

async function show({ runtime, tenant }: ClientOffice, { args }: Call): Promise<Report> {
  const client = await getClient({ runtime, tenant }, args[0] ?? '');
  const { redirectUris, authMethod, grants, applicationType } = client.metadata;
  const rows = [
    ['Client id', client.id],
    ['Name', nameOf(client)],
    ['Origin', originWords(client)],
    ['Authentication', authMethod],
    ['Grants', grants.join(', ')],
    ['Application type', applicationType],
    ...redirectUris.map((uri) => ['Redirect URI', uri]),
    ['Made', minute(client.createdAt)],
    ['First allowed', useOf(client)],
  ];
  return { json: toJson(client), text: rows.map(([name = '', value = '']) => `${name.padEnd(18)}${plainText(value)}`).join('\n') };
}

async function remove({ runtime, tenant, origin }: ClientOffice, { args }: Call): Promise<Report> {
  const { removeClient } = await import('../../services/manage-client.ts');
  const client = await getClient({ runtime, tenant }, args[0] ?? '');
  await removeClient(runtime, tenant, { clientId: client.id, origin });
  return {
    json: { client_id: client.id, removed: true },
    text: `${plainText(nameOf(client))} is removed, with everything that people allowed it. If it comes back, it must register anew.`,
  };
}

async function getClient({ runtime, tenant }: Pick<Office, 'runtime' | 'tenant'>, id: string): Promise<Client> {
  const { findClient } = await import('../../services/list-clients.ts');
  const client = await findClient(runtime, tenant, id);
  if (!client) throw new CommandFailed('unknown-client', `There is no client ${plainText(id)}. "toolgrant client list" shows all of them.`);
  return client;
}

function nameOf({ metadata }: Client): string {
  return metadata.name ?? '(without a name)';
}

function originWords({ kind, demo }: Client): string {
  return `${kind === 'manual' ? 'made by hand' : 'registered itself'}${demo ? ', demo' : ''}`;
}

function useOf({ firstAuthorizedAt }: Client): string {
  return firstAuthorizedAt ? minute(firstAuthorizedAt) : 'never';
}

/** Protocol fields in the protocol's spelling; never the secret's digest. */
function toJson({ id, kind, metadata, demo, createdAt, firstAuthorizedAt, blockedAt }: Client) {
  return {
    client_id: id,
    client_name: metadata.name ?? null,
    redirect_uris: metadata.redirectUris,
    token_endpoint_auth_method: metadata.authMethod,
    grant_types: metadata.grants,
    application_type: metadata.applicationType,
    kind,
    demo,
    createdAt,
    firstAuthorizedAt: firstAuthorizedAt ?? null,
    blockedAt: blockedAt ?? null,
  };
}
