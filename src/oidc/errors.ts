/**
 * Wire errors of this room: domain failures become OAuth errors here and nowhere else, by an exhaustive switch; faults become 503
 * or 500, and never `invalid_grant`, `invalid_client` or `active: false`, which make clients throw away good credentials.
 */
import { errors } from 'oidc-provider';
import type { Failure } from '../domain/failures.ts';

/** What a domain failure means to a client at the token endpoint. Details go to the log, not to the client. */
export function toTokenError(failure: Failure): Error {
  switch (failure.kind) {
    case 'unknown-user':
    case 'user-disabled':
    case 'unknown-client':
    case 'client-blocked':
    case 'unknown-consent':
    case 'consent-ended':
    case 'consent-expired':
    case 'installation-ended':
    case 'unknown-installation':
      return new errors.InvalidGrant({ detail: failure.kind });
    case 'unknown-resource':
      return new errors.InvalidTarget();
    case 'unknown-tool':
      return new errors.InvalidScope('the requested scope is unknown', failure.tool);
    case 'nothing-ticked':
    case 'page-outdated':
      return new Error(`a token request met "${failure.kind}", which only a consent page can meet`);
    default:
      return failure satisfies never;
  }
}

/** How a fault is answered. */
export interface FaultAnswer {
  status: 500 | 503;
  error: 'server_error' | 'temporarily_unavailable';
  description: string;
}

/** Chooses the answer to a fault: 503 where trying again later helps, else 500. */
export function toFaultAnswer(fault: unknown): FaultAnswer {
  return isUnavailable(fault)
    ? { status: 503, error: 'temporarily_unavailable', description: 'the server cannot do this right now, try again in a moment' }
    : { status: 500, error: 'server_error', description: 'something went wrong on the server' };
}

/**
 * Codes of a database that is away, too busy, or ended what was running: connections refused or cut, SQLSTATE classes 08, 53, 57
 * and lock or serialization conflicts, and the client library's own names for these. A lookup that finds nothing is never among them.
 */
const unavailableCodes =
  /^(?:ECONNREFUSED|ECONNRESET|ENOENT|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|08[0-9A-Z]{3}|53[0-9A-Z]{3}|57[0-9A-Z]{3}|25P0[34]|40001|40P01|55P03|P1001|P1002|P1008|P1011|P1017|P2024|P2028|P2034|P2037)$/;

const unavailableWords =
  /timeout exceeded when trying to connect|Connection terminated|Can't reach database server|Unable to start a transaction|Too many passwords/i;

/** Whether an error says that a part of ours is away for the moment. Looks at causes as well. */
export function isUnavailable(error: unknown): boolean {
  for (let cause: unknown = error, depth = 0; typeof cause === 'object' && cause !== null && depth < 8; depth += 1) {
    const { code, originalCode, message, name } = cause as Record<string, unknown>;
    if ([code, originalCode].some((value) => typeof value === 'string' && unavailableCodes.test(value))) return true;
    if (name === 'PrismaClientInitializationError' || (typeof message === 'string' && unavailableWords.test(message))) return true;
    cause = (cause as { cause?: unknown }).cause;
  }
  return false;
}
