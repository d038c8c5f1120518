import { type Command, Option } from 'commander';
import type { Office } from '../compose/open-office.ts';
import { auditEventTypes } from '../domain/audit-event.ts';
import { parseDuration } from '../domain/duration.ts';
import { idPrefixes, parseApiKeyId, type ServerId } from '../domain/ids.ts';
import type { AuditFilter } from '../services/search-audit.ts';
import { readDay } from './day.ts';
import { BadUsage, CommandFailed } from './failure.ts';
import type { Call } from './leaf.ts';
import { plainText } from './plain-text.ts';

/** Adds the options by which events are chosen. */
export function takesAuditFilter(command: Command): Command {
  return command
    .option('--email <email>', 'about one person')
    .option('--agent <agent>', 'about one agent: a client id, or what it is called')
    .option('--server <server>', 'about one server, by its id or URL')
    .option('--tool <tool>', 'about one tool')
    .option('--key <key-id>', 'done by one API key')
    .option('--type <type>', 'of one type, or of all that begin with it: token.issued, consent')
    .addOption(new Option('--outcome <outcome>', 'that ended so').choices(['success', 'failure', 'denied']))
    .option('--since <when>', 'from then on: 2026-11-27, 2026-11-27T09:30Z, or so long ago: 24h, 7d')
    .option('--until <when>', 'before then, in the same forms')
    .option('--on <day>', 'on one day (UTC): 2026-11-24, today, yesterday, or the last tuesday: tuesday');
}

/** Whether any of them was given. */
export function hasAuditFilter({ options }: Call): boolean {
  return ['email', 'agent', 'server', 'tool', 'key', 'type', 'outcome', 'since', 'until', 'on'].some((name) => options[name] !== undefined);
}

/** Reads the options. Throws `BadUsage`, and `CommandFailed` for a person or server that is not there. */
export async function getAuditFilter({ runtime, tenant }: Pick<Office, 'runtime' | 'tenant'>, { options }: Call): Promise<AuditFilter> {
  const text = (name: string) => options[name] as string | undefined;
  const [{ findAgents }, { findUserOfEmail }, { findServerByName }] = await Promise.all([
    import('../services/search-audit.ts'),
    import('../services/list-users.ts'),
    import('../services/list-servers.ts'),
  ]);
  const [email, agent, server, tool, type, outcome] = ['email', 'agent', 'server', 'tool', 'type', 'outcome'].map(text);
  const now = runtime.clock.now();
  const { since, until } = readTimes(text, now);
  const user = email === undefined ? undefined : await findUserOfEmail(runtime, tenant, email);
  if (email !== undefined && !user) throw new CommandFailed('unknown-user', `There is no account ${plainText(email)}.`);
  const found = server === undefined ? undefined : await findServerByName(runtime, tenant, server);
  // The id of one that is gone says as much.
  const serverId = found?.server.id ?? (server?.startsWith(idPrefixes.server) ? (server as ServerId) : undefined);
  if (server !== undefined && serverId === undefined) {
    throw new CommandFailed('unknown-server', `There is no server ${plainText(server)}. "toolgrant server list" shows all of them.`);
  }
  const key = text('key');
  const apiKeyId = key === undefined ? undefined : parseApiKeyId(key);
  if (key !== undefined && !apiKeyId)
    throw new BadUsage(`--key ${plainText(key)} is no id of an API key: "toolgrant apikey list" shows them.`);
  return {
    ...(user && { userId: user.id }),
    ...(agent !== undefined && { clientIds: await findAgents(runtime, tenant, agent) }),
    ...(serverId !== undefined && { serverId }),
    ...(tool !== undefined && { tool }),
    ...(apiKeyId && { apiKeyId }),
    ...(type !== undefined && { types: readTypes(type) }),
    ...(outcome !== undefined && { outcome }),
    ...(since && { since }),
    ...(until && { until }),
  };
}

function readTypes(text: string): string[] {
  const known = Object.keys(auditEventTypes);
  const meant = known.filter((type) => type === text || type.startsWith(`${text}.`));
  if (meant.length > 0) return meant;
  throw new BadUsage(
    `--type ${plainText(text)} is no type of event. docs/audit-events.md lists them; they begin with: ${[...new Set(known.map((type) => type.split('.', 1)[0]))].join(', ')}.`,
  );
}

function readTimes(text: (name: string) => string | undefined, now: Date): { since?: Date | undefined; until?: Date | undefined } {
  const [since, until] = ['since', 'until'].map((name) => readInstant(name, text(name), now));
  const on = text('on');
  if (on === undefined) return { since, until };
  if (since || until) throw new BadUsage('Give either --on, or --since and --until.');
  const day = readDay(on, now);
  if (day) return day;
  throw new BadUsage(`--on ${plainText(on)} is no day. Write 2026-11-24, today, yesterday, or the name of a weekday.`);
}

function readInstant(name: string, text: string | undefined, now: Date): Date | undefined {
  if (text === undefined) return undefined;
  const seconds = parseDuration(text);
  if (seconds !== undefined) return new Date(now.getTime() - seconds * 1_000);
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00Z` : text;
  const isWhole = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/.test(day);
  const at = new Date(isWhole ? day : Number.NaN);
  if (Number.isNaN(at.getTime())) {
    throw new BadUsage(`--${name} ${plainText(text)} is no time. Write 2026-11-27, 2026-11-27T09:30Z, or how long ago: 24h, 7d.`);
  }
  return at;
}
