import type { Command } from 'commander';
import type { Office } from '../../compose/open-office.ts';
import type { ServerOverview } from '../../services/list-servers.ts';
import type { Origin } from '../../services/runtime.ts';
import { BadUsage, CommandFailed } from '../failure.ts';
import { getServer, unknownServer } from '../find-server.ts';
import type { Io } from '../io.ts';
import { type Call, group, inOffice, tenantLeaf } from '../leaf.ts';
import { minute, plainText, table } from '../plain-text.ts';
import type { Report } from '../report.ts';
import { catalogueProblemWords, changeWords, serverProblemWords } from '../server-words.ts';
import { collect } from '../tool-choice.ts';
import { addToolCommand } from './server-tool.ts';

type ServerOffice = Office & { origin: Origin };

/** Protected MCP servers. */
export function addServerCommands(program: Command, io: Io): void {
  const server = group(program, 'server', 'the MCP servers that are protected');

  tenantLeaf(server, 'add', 'register an MCP server and read its tools; prints the server credential')
    .argument('<resource-url>', 'as clients type it')
    .requiredOption('--name <name>', 'what people read when they decide')
    .option('--header <header>', "'Name: value', sent along when its tools are read; may be repeated", collect, [])
    .option('--no-sync', 'do not read its tools now')
    .action(inOffice(io, add));

  tenantLeaf(server, 'list', 'list all servers').action(inOffice(io, list));

  onServer(server, 'sync', "read a server's tools again").action(inOffice(io, sync));
  addToolCommand(onServer(server, 'tool', "show a server's tools, or say what one of them may do").argument('[tool]', 'its name'), io);
  onServer(server, 'credential', 'make a new server credential; the old one is refused from now on').action(inOffice(io, rotate));
  onServer(server, 'remove', 'remove a server with everything that people allowed for it').action(inOffice(io, remove));
}

function onServer(parent: Command, name: string, description: string): Command {
  return tenantLeaf(parent, name, description).argument('<server>', 'its id or its URL');
}

async function add({ runtime, tenant, fetch, origin }: ServerOffice, { args, options }: Call): Promise<Report> {
  const { addServer } = await import('../../services/add-server.ts');
  const [resource = ''] = args;
  const isRead = options['sync'] !== false;
  const added = await addServer(runtime, tenant, {
    resource,
    name: String(options['name']),
    headers: readHeaders(options['header'] as string[]),
    origin,
    ...(isRead && { fetch }),
  });
  if (!added.ok) throw new CommandFailed(codeOf(added.problem), serverProblemWords(added.problem, plainText(resource)));
  const { server, change } = added;
  const credential = `${server.id}:${added.credential}`;
  const tools = change ? changeWords(change) : [`Its tools are not read yet: toolgrant server sync ${server.id}`];
  const text = [
    `${plainText(server.name)} is registered as ${plainText(server.resource)}.`,
    '',
    `Server id:          ${server.id}`,
    `Server credential:  ${credential}`,
    'The credential is shown this once. Give it to the server as a secret: with it, a change of mind takes effect within seconds.',
    '',
    ...tools,
    '',
    `Next: let the server check tokens of ${tenant.issuer} (README, "Protect your own MCP server").`,
  ].join('\n');
  return { json: { ...toJson({ server, tools: [] }), credential, tools: change?.tools ?? 0, change: change ?? null }, text };
}

function codeOf(problem: { kind: string }): string {
  return problem.kind === 'resource' ? 'bad-resource' : problem.kind;
}

function readHeaders(written: readonly string[]): Record<string, string> {
  const headers = written.map((header) => {
    const colon = header.indexOf(':');
    // Not shown again: it holds a secret, mostly.
    if (colon < 1) throw new BadUsage("Write a header as --header 'Name: value'.");
    return [header.slice(0, colon).trim(), header.slice(colon + 1).trim()];
  });
  return Object.fromEntries(headers);
}

async function list({ runtime, tenant }: ServerOffice): Promise<Report> {
  const { listServers } = await import('../../services/list-servers.ts');
  const servers = await listServers(runtime, tenant);
  const rows = servers.map(({ server, tools }) => [
    server.id,
    server.name,
    server.resource,
    String(tools.length),
    readWords(server),
    server.libraryVersion === undefined ? 'not seen' : `${server.libraryName ?? ''} ${server.libraryVersion}`.trim(),
  ]);
  const none = 'There is no server yet. Add one: toolgrant server add <resource-url> --name <name>';
  return {
    json: servers.map((one) => ({ ...toJson(one), tools: one.tools.length })),
    text: servers.length > 0 ? table(['ID', 'NAME', 'URL', 'TOOLS', 'READ', 'LIBRARY'], rows) : none,
  };
}

function readWords({ catalogueSyncedAt, catalogueProblem }: ServerOverview['server']): string {
  const read = catalogueSyncedAt ? minute(catalogueSyncedAt) : 'never';
  return catalogueProblem ? `${read}, now ${catalogueProblem.reason}` : read;
}

async function sync({ runtime, tenant, fetch, origin }: ServerOffice, { args }: Call): Promise<Report> {
  const { syncCatalogue } = await import('../../services/sync-catalogue.ts');
  const { server } = await getServer({ runtime, tenant }, args[0] ?? '');
  const done = await syncCatalogue(runtime, tenant, { serverId: server.id, fetch, origin });
  if (!done.ok) {
    const { problem } = done;
    if (problem.reason === 'unknown-server') throw new CommandFailed(problem.reason, `${problem.detail}.`);
    throw new CommandFailed(problem.reason, `${catalogueProblemWords(problem)}\nThe tools stay as they were last read.`);
  }
  return { json: { id: server.id, ...done.change }, text: changeWords(done.change).join('\n') };
}

async function rotate({ runtime, tenant, origin }: ServerOffice, { args }: Call): Promise<Report> {
  const { rotateServerCredential } = await import('../../services/rotate-server-credential.ts');
  const { server } = await getServer({ runtime, tenant }, args[0] ?? '');
  const done = await rotateServerCredential(runtime, tenant, { serverId: server.id, origin });
  if (!done.ok) throw unknownServer(server.id);
  const credential = `${server.id}:${done.credential}`;
  return {
    json: { id: server.id, credential },
    text: `Server credential:  ${credential}\nIt is shown this once. The old one is refused from now on: give the server the new one and restart it.`,
  };
}

async function remove({ runtime, tenant, origin }: ServerOffice, { args }: Call): Promise<Report> {
  const { findServerRemoval, finishServerRemoval, removeServer } = await import('../../services/remove-server.ts');
  const named = args[0] ?? '';
  // One whose removal was interrupted is not found any more, and is removed all the same.
  const server = (await findServerRemoval(runtime, tenant, named)) ?? (await getServer({ runtime, tenant }, named)).server;
  const done = await removeServer(runtime, tenant, { serverId: server.id, origin });
  if (!done.ok) throw unknownServer(server.id);
  await finishServerRemoval(runtime, { tenantId: tenant.id, serverId: server.id });
  const ended = done.consents === 1 ? 'One consent ended' : `${done.consents} consents ended`;
  return {
    json: { id: server.id, removed: true, consents: done.consents },
    text: `${plainText(server.name)} is removed. ${ended} with it.`,
  };
}

function toJson({ server }: ServerOverview) {
  const { id, name, resource, demo, catalogueSyncedAt, catalogueProblem, libraryName, libraryVersion, librarySeenAt, createdAt } = server;
  const library = libraryVersion === undefined ? null : { name: libraryName, version: libraryVersion, seenAt: librarySeenAt };
  return {
    id,
    name,
    resource,
    demo,
    library,
    catalogueSyncedAt: catalogueSyncedAt ?? null,
    catalogueProblem: catalogueProblem ?? null,
    createdAt,
  };
}
