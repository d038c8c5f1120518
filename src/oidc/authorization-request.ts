import type { ClientId } from '../domain/ids.ts';
import { REQUESTED_SCOPE_PARAM } from './rewrite-authorization.ts';

/** An authorization request as our side reads it, after it was rewritten and the engine accepted it. */
export interface AuthorizationRequest {
  clientId: ClientId;
  /** The registered string. */
  resource: string;
  /** As the client sent it. */
  requestedScope: string | undefined;
  /** As the engine sees it. */
  engineScope: string;
  redirectUri: string;
  prompts: ReadonlySet<string>;
  loginHint: string | undefined;
}

/** Reads the engine's parameters. Throws on what the engine cannot have accepted. */
export function readAuthorizationRequest(params: Readonly<Record<string, unknown>>): AuthorizationRequest {
  const text = (name: string) => {
    const value = params[name];
    return typeof value === 'string' ? value : undefined;
  };
  const required = (name: string) => {
    const value = text(name);
    if (value === undefined) throw new Error(`an accepted authorization request has no ${name}`);
    return value;
  };
  return {
    clientId: required('client_id') as ClientId,
    resource: required('resource'),
    requestedScope: text(REQUESTED_SCOPE_PARAM),
    engineScope: required('scope'),
    redirectUri: required('redirect_uri'),
    prompts: new Set(text('prompt')?.split(' ') ?? []),
    loginHint: text('login_hint'),
  };
}
