import { StartProblem } from './start-problem.ts';

/** Which database was tried. */
export interface TriedDatabase {
  url: string;
  /** The setting that names it. */
  setting: string;
}

/** Why a database cannot be used, for its operator. Undefined for errors that are no matter of settings or of its state. Never shows the password. */
export function explainDatabaseError(error: unknown, tried: TriedDatabase): StartProblem | undefined {
  const explanation = explain(error as { code?: unknown; message?: string }, describePlace(tried.url), tried.setting);
  return explanation === undefined ? undefined : new StartProblem(explanation, { cause: error });
}

/** No answer, a network that is away, a server that starts, one that is full. */
const passingCodes = new Set([
  'ECONNREFUSED',
  'ENOENT',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNRESET',
  '57P01',
  '57P02',
  '57P03',
  '53300',
]);

/** Whether a database that could not be used may come right by itself; not so what only an operator can mend. */
export function mayAnswerLater(error: unknown): boolean {
  const { code, message = '' } = (error ?? {}) as { code?: unknown; message?: string };
  return typeof code === 'string' ? passingCodes.has(code) : /timeout|Connection terminated/i.test(message);
}

interface Place {
  host: string;
  database: string;
  role: string;
}

/** What a connection string says, in the defaults of PostgreSQL's own clients. */
function describePlace(url: string): Place {
  const parsed = new URL(url);
  const socket = parsed.searchParams.get('host');
  const role = decodeURIComponent(parsed.username);
  return {
    host: socket ?? (parsed.host === '' ? 'this machine' : parsed.host),
    database: decodeURIComponent(parsed.pathname.slice(1)) || role,
    role: role || 'of your account',
  };
}

function explain(error: { code?: unknown; message?: string }, { host, database, role }: Place, setting: string): string | undefined {
  switch (error.code) {
    case 'ECONNREFUSED':
    case 'ENOENT':
      return `No database answers at ${host}. Start it, or correct ${setting}.`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `The database's host ${host} is not known. Correct ${setting}, or mend the name resolution.`;
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ECONNRESET':
      return `The database at ${host} cannot be reached (${String(error.code)}). Check the network between, or correct ${setting}.`;
    case 'EACCES':
      return `The socket of the database in ${host} may not be used by this account. Let it in, or correct ${setting}.`;
    case '28P01':
      return `The database at ${host} refuses the password of the role ${role}. Correct the password in ${setting}.`;
    case '28000':
      return `The database at ${host} does not let the role ${role} in: ${error.message}. Make the role, or let it in (pg_hba.conf), or correct ${setting}.`;
    case '3D000':
      return `There is no database "${database}" at ${host}. Make it (docs/database.md), or correct ${setting}.`;
    case '42501':
      return `The role ${role} lacks rights in the database "${database}" (${error.message}). Run "toolgrant migrate": it grants the role of DATABASE_URL what it needs.`;
    case '53300':
      return `The database at ${host} has no connection left. Raise its max_connections, or lower TOOLGRANT_DATABASE_POOL_SIZE.`;
    case '57P03':
      return `The database at ${host} is starting up or shutting down. Try again in a moment.`;
    default:
      return explainText(error.message ?? '', { host, setting });
  }
}

/** What the driver says without a code. */
function explainText(message: string, { host, setting }: { host: string; setting: string }): string | undefined {
  if (/timeout/i.test(message)) return `The database at ${host} does not answer in time. Check that it runs, or correct ${setting}.`;
  if (/SSL|certificate|TLS/i.test(message))
    return `No safe connection to the database at ${host}: ${message}. Correct its certificate, or "sslmode" in ${setting}.`;
  if (/Connection terminated/i.test(message)) return `The database at ${host} ended the connection. Check that it runs, and its log.`;
  return undefined;
}
