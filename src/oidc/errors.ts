/**
 * Wire errors of this room: domain failures become OAuth errors here and nowhere else, by an exhaustive switch; faults become 503
 * or 500, and never `invalid_grant`, `invalid_client` or `active: false`, which make clients throw away good credentials.
 */
import { errors } from 'oidc-provider';
import type { Failure } from '../domain/failures.ts';
import { isDatabaseTrouble } from '../platform/database-trouble.ts';
import type { MachineIssue } from '../services/issue-machine-access.ts';
import { ClientKeysUnavailable } from './client-assertion.ts';

/** A client that an administrator has blocked asks for access. It learns of it by the page that its person sees, and by no redirect. */
export class ClientBlocked extends errors.OIDCProviderError {
  constructor() {
    super(403, 'access_denied');
    this.error_description = clientBlockedDescription;
  }
}

/** What it says; Deny has the same code. */
export const clientBlockedDescription = 'the client is blocked';

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
    case 'sign-in-needed':
    case 'page-outdated':
      return new Error(`a token request met "${failure.kind}", which only a consent page can meet`);
    default:
      return failure satisfies never;
  }
}

/** What it means to a machine that it gets no token. It has proven who it is, so it may know why. */
export function toMachineTokenError(problem: Extract<MachineIssue, { ok: false }>['problem'], askedScope: string | undefined): Error {
  switch (problem) {
    case 'over':
      return new errors.InvalidClientAuth({ detail: 'the client or API key is over' });
    case 'disabled':
      return new errors.UnauthorizedClient('whom it acts as is disabled');
    case 'not-assigned':
      return new errors.InvalidTarget();
    case 'nothing-granted':
      return new errors.InvalidScope('nothing of it is assigned', askedScope ?? '');
    default:
      return problem satisfies never;
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
  if (fault instanceof ClientKeysUnavailable)
    return { status: 503, error: 'temporarily_unavailable', description: 'the keys at the client’s jwks_uri cannot be fetched right now' };
  return isDatabaseTrouble(fault)
    ? { status: 503, error: 'temporarily_unavailable', description: 'the server cannot do this right now, try again in a moment' }
    : { status: 500, error: 'server_error', description: 'something went wrong on the server' };
}
