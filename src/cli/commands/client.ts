import type { Command } from 'commander';
import type { Office } from '../../compose/open-office.ts';
import type { Origin } from '../../services/runtime.ts';
import { clientName, clientToJson } from '../client-words.ts';
import { BadUsage, CommandFailed } from '../failure.ts';
import { type Client, findClient, getClient, unknownClient } from '../find-client.ts';
import type { Io } from '../io.ts';
import { type Call, group, inOffice, tenantLeaf } from '../leaf.ts';
import { minute, plainText } from '../plain-text.ts';
import { readOption } from '../read-option.ts';
import type { Report } from '../report.ts';
import { collect, type NamedChoice, readToolOptions, termsWords, withToolOptions } from '../tool-choice.ts';
import { addJudgementCommands } from './client-judgement.ts';
import { addClientList } from './client-list.ts';
import { showClient as show } from './client-show.ts';
import { assign } from './service-account.ts';

type ClientOffice = Office & { origin: Origin };

/** OAuth clients. */
export function addClientCommands(program: Command, io: Io): void {
  const client = group(program, 'client', 'the OAuth clients: agents that ask for access');

  withToolOptions(tenantLeaf(client, 'create', 'make a client by hand; most register themselves'))
    .requiredOption('--name <name>', 'what people read when they decide')
    .option('--redirect-uri <uri>', 'where answers go; may be repeated', collect, [])
    .option(
      '--grant <grant>',
      'authorization_code, refresh_token (default: both), or client_credentials for a machine; may be repeated',
      collect,
      [],
    )
    .option('--auth <method>', 'none, client_secret_basic, client_secret_post or private_key_jwt (default: client_secret_basic)')
    .option('--jwks <file>', 'its public keys, a JWK set; for private_key_jwt')
    .option('--jwks-uri <url>', 'where it publishes them instead')
    .action(inOffice(io, create));

  addClientList(client, io);
  tenantLeaf(client, 'show', 'show one client: who it says it is, how far that can be trusted, who uses it')
    .argument('<client-id>')
    .action(inOffice(io, show));
  addJudgementCommands(client, io);
  withToolOptions(tenantLeaf(client, 'tool', 'show the tools that a machine client may use, or say which, on one server'))
    .argument('<client-id>')
    .option('--none', 'nothing on that server')
    .action(inOffice(io, assignTo));
  tenantLeaf(client, 'secret', 'give a client made by hand a new secret; the old one works for a while')
    .argument('<client-id>')
    .option('--overlap <duration>', 'how long the old one works beside it, such as 1h or 7d', '24h')
    .option('--now', 'end the old one at once')
    .action(inOffice(io, rotateSecret));
  tenantLeaf(client, 'remove', 'remove a client with everything that people allowed it')
    .argument('<client-id>')
    .action(inOffice(io, remove));
}

async function create(office: ClientOffice, { options }: Call): Promise<Report> {
  const { runtime, tenant, origin } = office;
  const { createManualClient } = await import('../../services/create-client.ts');
  const grants = options['grant'] as string[];
  const read = await readToolOptions(office, options);
  const request = {
    name: String(options['name']),
    redirectUris: options['redirectUri'] as string[],
    ...(await readProof(options)),
    ...(grants.length > 0 && { grants }),
    ...(read && { assignment: read.choice }),
  };
  const made = await createManualClient(runtime, tenant, { request, origin });
  if (!made.ok) throw new CommandFailed(made.problem.kind, `The client cannot be made: ${plainText(made.problem.reason)}.`);
  const { client, secret, assigned } = made;
  const secretLines = secret === undefined ? [proofWords(client)] : [`Client secret:  ${secret}`, 'The secret is shown this once.'];
  return {
    json: { ...clientToJson(client), client_secret: secret ?? null },
    text: [
      `${plainText(request.name)} is made.`,
      '',
      `Client id:      ${client.id}`,
      ...secretLines,
      ...machineLines(client, { read, assigned }),
    ].join('\n'),
  };
}

function machineLines(client: Client, { read, assigned }: { read: NamedChoice | undefined; assigned: Terms | undefined }): string[] {
  if (!client.serviceAccountId) return [];
  const actsAs = `Acts as:        ${client.serviceAccountId}`;
  if (!read || !assigned) return [actsAs, `It may use nothing yet: toolgrant client tool ${client.id} --server <server> --tool <tool>`];
  return [actsAs, `On ${plainText(read.server.name)}: ${plainText(termsWords(assigned))}`];
}

type Terms = Parameters<typeof termsWords>[0];

async function assignTo(office: ClientOffice, call: Call): Promise<Report> {
  const client = await getClient(office, call.args[0] ?? '');
  if (client.serviceAccountId) return assign(office, call, client.serviceAccountId);
  throw new CommandFailed(
    'not-a-machine',
    `${plainText(clientName(client))} is no machine client: people allow it tools. A machine is made by: toolgrant client create --grant client_credentials`,
  );
}

/** How the client will prove who it is, as far as that was said. Throws `CommandFailed` for a file that is no JSON. */
async function readProof(options: Call['options']): Promise<{ authMethod?: string; jwks?: unknown; jwksUri?: string }> {
  const { auth, jwks, jwksUri } = options as { auth?: string; jwks?: string; jwksUri?: string };
  const needsKeys = jwks !== undefined || jwksUri !== undefined;
  const authMethod = auth ?? (needsKeys ? 'private_key_jwt' : 'client_secret_basic');
  if (needsKeys && authMethod !== 'private_key_jwt') throw new BadUsage('--jwks and --jwks-uri are for --auth private_key_jwt.');
  return { authMethod, ...(jwks !== undefined && { jwks: await readJsonFile(jwks) }), ...(jwksUri !== undefined && { jwksUri }) };
}

async function readJsonFile(path: string): Promise<unknown> {
  const { readFile } = await import('node:fs/promises');
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CommandFailed('jwks', `${plainText(path)} cannot be read (${error.code}). Name a file with a JWK set: {"keys": [...]}`);
  });
  const parsed = parseJson(text);
  if (!parsed) throw new CommandFailed('jwks', `${plainText(path)} is no JSON. It must be a JWK set: {"keys": [...]}`);
  return parsed.value;
}

function parseJson(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function proofWords({ metadata }: Client): string {
  if (metadata.authMethod === 'none') return 'It has no secret: it proves itself by PKCE alone.';
  return `It proves itself by a key of its own: ${metadata.jwksUri === undefined ? 'one of those given' : `one of those at ${plainText(metadata.jwksUri)}`}.`;
}

async function rotateSecret({ runtime, tenant, origin }: ClientOffice, { args, options }: Call): Promise<Report> {
  const { rotateClientSecret } = await import('../../services/rotate-client-secret.ts');
  const { duration } = await import('../../config/forms.ts');
  const overlapSeconds = options['now'] === true ? 0 : readOption(options, 'overlap', duration({ min: '1m', max: '90d' }));
  const client = await getClient({ runtime, tenant }, args[0] ?? '');
  const done = await rotateClientSecret(runtime, tenant, { clientId: client.id, overlapSeconds, origin });
  if (!done.ok) throw rotationFailure(client, done.problem);
  const { secret, previousUntil } = done;
  const old = previousUntil
    ? `The old one works until ${minute(previousUntil)}; --now ends it at once.`
    : 'The old one is refused from now on.';
  return {
    json: { client_id: client.id, client_secret: secret, previousUntil: previousUntil ?? null },
    text: `Client secret:  ${secret}\nIt is shown this once. ${old}`,
  };
}

function rotationFailure(client: Client, problem: 'unknown-client' | 'registered-itself' | 'has-no-secret'): CommandFailed {
  const id = plainText(client.id);
  switch (problem) {
    case 'unknown-client':
      return new CommandFailed(problem, `There is no client ${id} any more.`);
    case 'registered-itself':
      return new CommandFailed(problem, `${id} registered itself and would never learn of a new secret. Remove it: it registers anew.`);
    case 'has-no-secret':
      return new CommandFailed(problem, `${id} has no secret: it authenticates by ${client.metadata.authMethod}.`);
  }
}

async function remove({ runtime, tenant, origin }: ClientOffice, { args }: Call): Promise<Report> {
  const { finishClientRemoval, removeClient } = await import('../../services/remove-client.ts');
  const clientId = (args[0] ?? '') as Client['id'];
  // One whose removal was interrupted is not found any more, and is removed all the same.
  const client = await findClient({ runtime, tenant }, clientId);
  if (!(await removeClient(runtime, tenant, { clientId, origin }))) throw unknownClient(clientId);
  await finishClientRemoval(runtime, { tenantId: tenant.id, clientId });
  return {
    json: { client_id: clientId, removed: true },
    text: `${plainText(client ? clientName(client) : clientId)} is removed, with everything that people allowed it. If it comes back, it must register anew.`,
  };
}
