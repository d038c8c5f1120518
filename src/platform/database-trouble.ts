/** Tells errors that mean "the database cannot do it now" from faults of ours: the former are answered with 503 (infrastructure rule). */

/** SQLSTATE classes and codes: connection, sign-in, no such database, resources, operator, read-only, idle too long, serialization, locks. */
const sqlState = /^(?:08|28|53|57P|58)|^(?:3D000|25006|25P0[34]|40001|40P01|55P03|57014)/;

/** Node's names for broken connections. */
const connectionCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** Prisma's: cannot connect, timed out, closed, pool exhausted, transaction not started in time, write conflict. */
const prismaCodes = new Set([
  'P1000',
  'P1001',
  'P1002',
  'P1003',
  'P1008',
  'P1009',
  'P1010',
  'P1011',
  'P1017',
  'P2024',
  'P2028',
  'P2034',
  'P2037',
]);

/** How Prisma's adapter names what it found; the end of a transaction shows nothing else. */
const adapterKinds = new Set([
  'DatabaseNotReachable',
  'ConnectionClosed',
  'SocketTimeout',
  'TooManyConnections',
  'TransactionWriteConflict',
  'TlsConnectionError',
]);

/** What the pool says without any code. */
const poolMessages =
  /timeout exceeded when trying to connect|Too many callers wait for a database connection|Connection terminated|Query read timeout|Client has encountered a connection error|Cannot use a pool after calling end/i;

/** Prisma gives the driver's code in its own words only, where a transaction began or ended in the error. */
const quotedCode = /(?:Database error|Raw query failed)\. Code: `([0-9A-Z]{5})`/;

const maxDepth = 8;

/** Whether an error, or one that caused it, says that the database is unreachable, overloaded, or going down. */
export function isDatabaseTrouble(error: unknown): boolean {
  return chainOf(error).some((link) => saysTrouble(link));
}

const deadlock = '40P01';

/**
 * Whether the database refused a statement for what it was, and so undid it: not where a connection broke, or anything else leaves open
 * what was done. The victim of a deadlock is among them, because whoever it was in the way of has gone on.
 */
export function isRefusal(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && (code === deadlock || !isDatabaseTrouble(error));
}

function saysTrouble(error: Record<string, unknown>): boolean {
  const message = typeof error['message'] === 'string' ? error['message'] : '';
  const codes = [error['code'], error['originalCode'], quotedCode.exec(message)?.[1]].filter((code) => typeof code === 'string');
  if (codes.some((code) => (code.length === 5 && sqlState.test(code)) || connectionCodes.has(code) || prismaCodes.has(code))) return true;
  if (typeof error['kind'] === 'string' && adapterKinds.has(error['kind'])) return true;
  // The embedded database listens on a socket in the file system: gone while it is down.
  if (error['code'] === 'ENOENT' && (error['syscall'] === 'connect' || message.includes('connect ENOENT'))) return true;
  return poolMessages.test(message);
}

/** The error with everything that it carries as its reason: `cause`, Prisma's adapter error, the parts of an aggregate. */
function chainOf(error: unknown): Record<string, unknown>[] {
  const found: Record<string, unknown>[] = [];
  const open: { value: unknown; depth: number }[] = [{ value: error, depth: 0 }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { value, depth } = next;
    if (typeof value !== 'object' || value === null || depth > maxDepth) continue;
    const link = value as Record<string, unknown>;
    found.push(link);
    const meta = link['meta'] as Record<string, unknown> | undefined;
    const parts = Array.isArray(link['errors']) ? link['errors'].slice(0, maxDepth) : [];
    for (const part of [link['cause'], meta?.['driverAdapterError'], ...parts]) open.push({ value: part, depth: depth + 1 });
  }
  return found;
}
