import type { Command } from 'commander';
import type { Office } from '../../compose/open-office.ts';
import { maxApiKeySeconds } from '../../domain/api-key.ts';
import { spellDuration } from '../../domain/duration.ts';
import type { ServiceAccountId } from '../../domain/ids.ts';
import type { ApiKeyProblem } from '../../services/create-api-key.ts';
import type { ApiKeyOverview } from '../../services/manage-api-keys.ts';
import type { Origin } from '../../services/runtime.ts';
import { BadUsage, CommandFailed } from '../failure.ts';
import type { Io } from '../io.ts';
import { type Call, group, inOffice, tenantLeaf } from '../leaf.ts';
import { minute, plainText, table } from '../plain-text.ts';
import { readOption } from '../read-option.ts';
import type { Report } from '../report.ts';
import { choiceFailure, type NamedChoice, readToolOptions, withToolOptions } from '../tool-choice.ts';
import { readName } from './service-account.ts';

type KeyOffice = Office & { origin: Origin };

/** API keys, for scripts and jobs. */
export function addApiKeyCommands(program: Command, io: Io): void {
  const apikey = group(program, 'apikey', 'API keys: Bearer tokens for scripts and jobs');
  withToolOptions(tenantLeaf(apikey, 'create', 'make a key for one server; it is shown once'))
    .option('--name <name>', 'what it is for (default: the name of the server)')
    .option('--expires <duration>', 'how long it works, such as 12h or 365d', '90d')
    .option('--service-account <id>', 'act as this one, within the tools that it was given (default: one of its own)')
    .action(inOffice(io, create));
  tenantLeaf(apikey, 'list', 'list all keys, with what ends soon').option('--server <server>', 'for one server').action(inOffice(io, list));
  tenantLeaf(apikey, 'rotate', 'replace a key; the old one works for a while')
    .argument('<key-id>')
    .option('--overlap <duration>', 'how long the old one works beside it, such as 1h or 7d', '24h')
    .option('--now', 'end the old one at once')
    .option('--expires <duration>', 'how long the new one works (default: as long as the one before)')
    .action(inOffice(io, rotate));
  tenantLeaf(apikey, 'revoke', 'end a key at once').argument('<key-id>').action(inOffice(io, revoke));
}

async function create(office: KeyOffice, { options }: Call): Promise<Report> {
  const { runtime, tenant, origin } = office;
  const [{ createApiKey }, { duration }] = await Promise.all([import('../../services/create-api-key.ts'), import('../../config/forms.ts')]);
  const lifetimeSeconds = readOption(options, 'expires', duration({ min: '1m', max: spellDuration(maxApiKeySeconds) }));
  const read = await readToolOptions(office, options);
  if (!read) throw new BadUsage('Name the server that the key is for: --server <server>');
  const { server, choice } = read;
  const name = options['name'] === undefined ? `Key for ${server.name}` : readName(options);
  const account = options['serviceAccount'] as ServiceAccountId | undefined;
  const owner = account === undefined ? ({ newAccount: true } as const) : { serviceAccountId: account };
  const made = await createApiKey(runtime, tenant, { name, owner, lifetimeSeconds, origin, ...choice });
  if (!made.ok) throw keyFailure(made.problem, read, account ?? '');
  const { key, secret } = made;
  const text = [
    `API key:  ${secret}`,
    `Key id:   ${key.id}`,
    '',
    `It is for ${plainText(server.resource)}, works until ${minute(key.expiresAt)}, and is shown this once.`,
    'Programs send it as "Authorization: Bearer <key>". The server needs its credential to check it.',
  ].join('\n');
  return { json: { ...toJson({ key, server, standing: 'good', usable: key.tools }), key: secret }, text };
}

function keyFailure(problem: ApiKeyProblem, { server }: NamedChoice, account: string): CommandFailed {
  const shown = plainText(account);
  switch (problem.kind) {
    case 'unknown-server':
    case 'unknown-tool':
    case 'page-outdated':
      return choiceFailure(problem, server);
    case 'nothing-chosen':
      return new CommandFailed(problem.kind, `Name what it may use: --tool <tool>. "toolgrant server tool ${server.id}" lists the tools.`);
    case 'unknown-account':
      return new CommandFailed(problem.kind, `There is no service account ${shown}. "toolgrant service-account list" shows all of them.`);
    case 'account-disabled':
      return new CommandFailed(problem.kind, `${shown} is disabled. Enable it first: toolgrant service-account enable ${shown}`);
    case 'not-assigned':
      return new CommandFailed(
        problem.kind,
        `${shown} may not use ${plainText(problem.tool)} there, so no key of it may. To change that: toolgrant service-account tool ${shown} --server ${server.id} --tool …`,
      );
    case 'too-many-keys':
    case 'name-taken':
      throw new Error(`${problem.kind}, of a key that acts as no person`);
  }
}

async function list(office: KeyOffice, { options }: Call): Promise<Report> {
  const { runtime, tenant } = office;
  const [{ listApiKeys }, { findEmails }] = await Promise.all([
    import('../../services/manage-api-keys.ts'),
    import('../../services/list-users.ts'),
  ]);
  const read = await readToolOptions(office, { tool: [], ...options });
  const keys = await listApiKeys(runtime, tenant, { ...(read && { serverId: read.server.id }) });
  const people = keys.flatMap(({ key }) => ('userId' in key.owner ? [key.owner.userId] : []));
  const emails = await findEmails(runtime, tenant, people);
  const ownerOf = ({ key: { owner } }: ApiKeyOverview) =>
    'userId' in owner ? (emails.get(owner.userId) ?? owner.userId) : owner.serviceAccountId;
  const rows = keys.map((one) => [
    one.key.id,
    one.key.name,
    ownerOf(one),
    one.server.name,
    String(one.effective?.allowed.length ?? 0),
    minute(one.key.expiresAt),
    one.key.lastUsedAt ? minute(one.key.lastUsedAt) : 'never',
    standingWords(one),
  ]);
  const none = 'There is no API key. Make one: toolgrant apikey create --server <server> --tool <tool>';
  return {
    json: keys.map((one) => ({ ...toJson({ ...one, usable: one.effective?.allowed ?? [] }), owner: ownerOf(one) })),
    text: keys.length > 0 ? table(['ID', 'NAME', 'ACTS AS', 'SERVER', 'TOOLS', 'EXPIRES', 'LAST USED', ''], rows) : none,
  };
}

function standingWords({ key, standing, problem, effective }: ApiKeyOverview): string {
  if (key.revokedAt) return `revoked ${minute(key.revokedAt)}`;
  if (standing === 'expired') return 'expired';
  if (problem === 'disabled') return 'its owner is disabled';
  const waiting = effective?.leftOut.length ?? 0;
  const words = [
    ...(standing === 'expiring' ? ['expires soon: rotate it'] : []),
    ...(key.previousUntil ? [`old one until ${minute(key.previousUntil)}`] : []),
    ...(waiting > 0 ? [`${waiting} ${waiting === 1 ? 'tool' : 'tools'} not usable now`] : []),
  ];
  return words.join('; ');
}

async function rotate({ runtime, tenant, origin }: KeyOffice, { args, options }: Call): Promise<Report> {
  const [{ rotateApiKey }, { parseApiKeyId }, { duration }] = await Promise.all([
    import('../../services/manage-api-keys.ts'),
    import('../../domain/ids.ts'),
    import('../../config/forms.ts'),
  ]);
  const overlapSeconds = options['now'] === true ? 0 : readOption(options, 'overlap', duration({ min: '1m', max: '90d' }));
  const lifetimeSeconds =
    options['expires'] === undefined
      ? undefined
      : readOption(options, 'expires', duration({ min: '1m', max: spellDuration(maxApiKeySeconds) }));
  const id = parseApiKeyId(args[0] ?? '');
  if (!id) throw unknownKey(args[0]);
  const done = await rotateApiKey(runtime, tenant, {
    id,
    overlapSeconds,
    origin,
    ...(lifetimeSeconds !== undefined && { lifetimeSeconds }),
  });
  if (!done.ok && done.problem === 'unknown-key') throw unknownKey(id);
  if (!done.ok && done.problem === 'of-a-person') {
    throw new CommandFailed(done.problem, `${id} acts as a person, so only she is told a new one: she replaces it at /account.`);
  }
  if (!done.ok && done.problem !== 'revoked') throw new Error(`${done.problem}, of a key that acts as no person`);
  if (!done.ok) throw new CommandFailed(done.problem, `${id} is revoked, and stays so. Make another: toolgrant apikey create`);
  const { secret, key, previousUntil } = done;
  const old = previousUntil
    ? `The old one works until ${minute(previousUntil)}; --now ends it at once.`
    : 'The old one is refused from now on.';
  return {
    json: { id, key: secret, expiresAt: key.expiresAt, previousUntil: previousUntil ?? null },
    text: `API key:  ${secret}\nIt works until ${minute(key.expiresAt)}, and is shown this once. ${old}`,
  };
}

async function revoke({ runtime, tenant, origin }: KeyOffice, { args }: Call): Promise<Report> {
  const [{ revokeApiKey }, { parseApiKeyId }] = await Promise.all([
    import('../../services/manage-api-keys.ts'),
    import('../../domain/ids.ts'),
  ]);
  const id = parseApiKeyId(args[0] ?? '');
  const done = id && (await revokeApiKey(runtime, tenant, { id, reason: 'revoked-by-admin', origin }));
  if (!done) throw unknownKey(args[0]);
  return { json: { id, revoked: true }, text: `${id} is refused from now on; servers that remember it forget it within 15 seconds.` };
}

/** A key that is shown instead of its id is not shown again. */
function unknownKey(id = ''): CommandFailed {
  const shown = /^key_/.test(id) ? plainText(id.slice(0, 40)) : 'of that id';
  return new CommandFailed('unknown-key', `There is no API key ${shown}. "toolgrant apikey list" shows all of them.`);
}

function toJson({
  key,
  server,
  standing,
  usable,
}: Pick<ApiKeyOverview, 'server' | 'standing'> & { key: ListedKey; usable: readonly { name: string }[] }) {
  const { id, name, owner, tools, resources, prompts, createdAt, expiresAt, lastUsedAt, previousUntil, revokedAt } = key;
  return {
    id,
    name,
    owner: 'userId' in owner ? owner.userId : owner.serviceAccountId,
    server: { id: server.id, name: server.name, resource: server.resource },
    tools: tools.map((tool) => tool.name),
    usable: usable.map((tool) => tool.name),
    resources,
    prompts,
    standing,
    createdAt,
    expiresAt,
    lastUsedAt: lastUsedAt ?? null,
    previousUntil: previousUntil ?? null,
    revokedAt: revokedAt ?? null,
  };
}

type ListedKey = Omit<ApiKeyOverview['key'], 'salt'>;
