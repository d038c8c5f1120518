import type { IncomingMessage } from 'node:http';

/**
 * Whether an error, or what caused it, only says that whoever sent a request went away before it had been read: there is nobody to answer, and nothing is
 * wrong with us. Without this it looks like the database's broken connections. (A request may be complete and yet never be read.)
 */
export function isBrokenOff(request: IncomingMessage, error: unknown): boolean {
  if (request.errored === null) return false;
  return error === request.errored || (error as { cause?: unknown } | undefined)?.cause === request.errored;
}
