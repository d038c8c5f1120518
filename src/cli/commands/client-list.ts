import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Office } from '../../compose/open-office.ts';
import type { ClientFilter } from '../../services/list-clients.ts';
import { clientName, clientToJson, lookAlikeWords, originWords, standingWords } from '../client-words.ts';
import { getClient } from '../find-client.ts';
import type { Io } from '../io.ts';
import { type Call, inOffice, tenantLeaf } from '../leaf.ts';
import { minute, table } from '../plain-text.ts';
import type { Report } from '../report.ts';

/** How many clients people are shown unless they say otherwise; programs get all of them. */
const shownClients = 100;

/** Lists clients, a page at a time. */
export function addClientList(client: Command, io: Io): void {
  tenantLeaf(client, 'list', 'list clients, newest first')
    .addOption(new Option('--kind <kind>', 'only those that came to be in this way').choices(['manual', 'dynamic', 'document']))
    .option('--blocked', 'only those that are blocked')
    .option('--verified', 'only those that an administrator verified')
    .option('--quarantined', 'only those that are in quarantine, by hand or by the tenant’s setting')
    .option('--unused', 'only those that nobody ever allowed anything')
    .option('--limit <n>', `at most so many (default: ${shownClients}; with --json all)`, readLimit)
    .option('--after <client-id>', 'only those that are listed behind this one')
    .action(inOffice(io, list));
}

function readLimit(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError('Write a number from 1 to 9999999.');
  return Number(text);
}

async function list({ runtime, tenant }: Office, { options }: Call): Promise<Report> {
  const [{ listClients }, { prepareWarnings }, { findQuarantine }] = await Promise.all([
    import('../../services/list-clients.ts'),
    import('../../services/describe-client.ts'),
    import('../../domain/quarantine.ts'),
  ]);
  const after = options['after'] === undefined ? undefined : await getClient({ runtime, tenant }, String(options['after']));
  const asked = options['limit'] as number | undefined;
  const limit = asked ?? (options['json'] === true ? Number.POSITIVE_INFINITY : shownClients);
  // One more than is shown says whether there are further ones.
  const now = runtime.clock.now();
  const inQuarantine = { setting: tenant.settings.quarantine, now };
  const filter = { ...filterOf(options), ...(options['quarantined'] === true && { inQuarantine }) };
  const found = await listClients(runtime, tenant, { filter, limit: limit + 1, ...(after && { after }) });
  const clients = found.slice(0, limit);
  const findWarnings = await prepareWarnings(runtime, tenant);
  const listed = clients.map((client) => ({
    client,
    quarantine: findQuarantine(client, tenant.settings.quarantine, now),
    warnings: findWarnings(client, client.metadata.redirectUris).map(lookAlikeWords),
  }));
  const rows = listed.map(({ client, quarantine, warnings }) => [
    client.id,
    clientName(client),
    originWords(client),
    minute(client.createdAt),
    client.firstAuthorizedAt ? minute(client.firstAuthorizedAt) : 'never',
    [standingWords(client, quarantine), ...(warnings.length > 0 ? ['LOOKS LIKE ANOTHER'] : [])].filter(Boolean).join(', '),
  ]);
  const last = clients.at(-1);
  const more = found.length > clients.length && last ? [`More: add --after ${last.id}`] : [];
  return {
    json: listed.map(({ client, quarantine, warnings }) => ({
      ...clientToJson(client),
      isInQuarantine: quarantine !== undefined,
      warnings,
    })),
    text:
      rows.length > 0
        ? [table(['ID', 'NAME', 'ORIGIN', 'FIRST SEEN', 'FIRST ALLOWED', 'STANDING'], rows), ...more].join('\n')
        : noneWords(options),
  };
}

function filterOf(options: Call['options']): ClientFilter {
  const kind = options['kind'] as ClientFilter['kind'];
  return {
    ...(kind !== undefined && { kind }),
    ...(options['blocked'] === true && { isBlocked: true }),
    ...(options['verified'] === true && { isVerified: true }),
    ...(options['unused'] === true && { isUsed: false }),
  };
}

function noneWords(options: Call['options']): string {
  const isNarrowed = ['kind', 'blocked', 'verified', 'quarantined', 'unused', 'after'].some((name) => options[name] !== undefined);
  return isNarrowed
    ? 'No client is like that.'
    : 'There is no client yet. MCP clients register themselves when they connect; by hand: toolgrant client create';
}
