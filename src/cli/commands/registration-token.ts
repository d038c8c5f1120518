import type { Command } from 'commander';
import type { Office } from '../../compose/open-office.ts';
import type { listInitialAccessTokens } from '../../services/initial-access-tokens.ts';
import type { Origin } from '../../services/runtime.ts';
import { CommandFailed } from '../failure.ts';
import type { Io } from '../io.ts';
import { type Call, group, inOffice, tenantLeaf } from '../leaf.ts';
import { minute, plainText, table } from '../plain-text.ts';
import { readOption } from '../read-option.ts';
import type { Report } from '../report.ts';

type Token = Awaited<ReturnType<typeof listInitialAccessTokens>>[number];
type TokenOffice = Office & { origin: Origin };

/** Initial access tokens: what clients show to register where not everyone may. */
export function addRegistrationTokenCommands(program: Command, io: Io): void {
  const token = group(program, 'registration-token', 'initial access tokens: with one, clients register where `registration` is `token`');
  tenantLeaf(token, 'create', 'make one; it is shown once')
    .requiredOption('--name <name>', 'what operators read: for whom or what it is')
    .option('--uses <n>', 'how many clients it may register', '1')
    .option('--expires <duration>', 'how long it may do so, such as 12h or 30d', '7d')
    .action(inOffice(io, create));
  tenantLeaf(token, 'list', 'list those that have not expired').action(inOffice(io, list));
  tenantLeaf(token, 'revoke', 'end one at once; clients that registered with it stay').argument('<id>').action(inOffice(io, revoke));
}

async function create({ runtime, tenant, origin }: TokenOffice, { options }: Call): Promise<Report> {
  const { createInitialAccessToken, maxInitialTokenUses } = await import('../../services/initial-access-tokens.ts');
  const { duration, wholeNumber } = await import('../../config/forms.ts');
  const name = String(options['name']).trim();
  if (name === '' || name.length > 200) throw new CommandFailed('name', 'The name must have 1 to 200 characters.');
  const maxUses = readOption(options, 'uses', wholeNumber({ min: 1, max: maxInitialTokenUses }));
  const lifetimeSeconds = readOption(options, 'expires', duration({ min: '1m', max: '365d' }));
  const { token, stored } = await createInitialAccessToken(runtime, tenant, { name, maxUses, lifetimeSeconds, origin });
  const lines = [
    `Initial access token:  ${token}`,
    `Id:                    ${stored.id}`,
    '',
    `It registers ${maxUses === 1 ? 'one client' : `${maxUses} clients`} until ${minute(stored.expiresAt)}, and is shown this once.`,
    'Clients send it to /register as "Authorization: Bearer <token>".',
    ...(tenant.settings.registration === 'token' ? [] : [notNeeded(tenant.slug, tenant.settings.registration)]),
  ];
  return { json: { ...toJson(stored), token }, text: lines.join('\n') };
}

function notNeeded(slug: string, registration: string): string {
  const now = registration === 'open' ? 'Everyone may register now, with or without it' : 'Nobody may register now';
  return `${now}: toolgrant tenant set ${slug} registration=token`;
}

async function list({ runtime, tenant }: TokenOffice): Promise<Report> {
  const { listInitialAccessTokens } = await import('../../services/initial-access-tokens.ts');
  const tokens = await listInitialAccessTokens(runtime, tenant);
  const rows = tokens.map((token) => [
    token.id,
    token.name,
    `${token.uses} of ${token.maxUses}`,
    minute(token.expiresAt),
    token.lastUsedAt ? minute(token.lastUsedAt) : 'never',
    token.revokedAt ? `revoked ${minute(token.revokedAt)}` : '',
  ]);
  return {
    json: tokens.map(toJson),
    text:
      tokens.length > 0
        ? table(['ID', 'NAME', 'USED', 'EXPIRES', 'LAST USED', ''], rows)
        : 'There is no initial access token. Make one: toolgrant registration-token create --name <name>',
  };
}

async function revoke({ runtime, tenant, origin }: TokenOffice, { args }: Call): Promise<Report> {
  const { revokeInitialAccessToken } = await import('../../services/initial-access-tokens.ts');
  const [id = ''] = args;
  if (!(await revokeInitialAccessToken(runtime, tenant, { id, origin }))) {
    const shown = plainText(id.slice(0, 40));
    throw new CommandFailed(
      'unknown-token',
      `There is no initial access token with the id ${shown} that could be revoked. "toolgrant registration-token list" shows all of them.`,
    );
  }
  return { json: { id, revoked: true }, text: 'It registers nothing any more. What it registered stays: see "toolgrant client list".' };
}

function toJson({ id, name, maxUses, uses, createdAt, expiresAt, lastUsedAt, revokedAt }: Token) {
  return { id, name, maxUses, uses, createdAt, expiresAt, lastUsedAt: lastUsedAt ?? null, revokedAt: revokedAt ?? null };
}
