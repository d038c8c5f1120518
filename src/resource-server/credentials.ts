import { AccessError, invalidToken } from './access-error.ts';
import { looksLikeApiKey } from './api-key-form.ts';

/** Longer than any token an issuer makes; more is refused before it costs anything. */
const MAX_TOKEN_LENGTH = 16 * 1024;

/** `Bearer`, one or more spaces, RFC 6750's b64token. */
const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

/** RFC 6750's b64token. */
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

/**
 * The token in an `Authorization` header. Throws `missing_token` when there is none, or when the
 * credentials are of another scheme: those are not ours to call invalid.
 */
export function bearerTokenOf(authorization: string | null | undefined): string {
  // As nearly every client writes it.
  if (authorization?.startsWith('Bearer ') && authorization.length <= MAX_TOKEN_LENGTH) {
    const token = authorization.slice('Bearer '.length);
    if (TOKEN.test(token)) return token;
  }
  const header = authorization?.trim() ?? '';
  if (!/^bearer(?: |$)/i.test(header)) {
    throw new AccessError('missing_token', 'No bearer token came with the request.', {
      reason: 'no_credentials',
    });
  }
  if (header.length > MAX_TOKEN_LENGTH) throw invalidToken('malformed');
  const token = BEARER.exec(header)?.[1];
  if (token === undefined) throw invalidToken('malformed');
  return token;
}

/**
 * Refuses a request that carries a token or an API key in its query string, beside a good header too:
 * URLs end up in logs, histories and `Referer` headers (MCP authorization, "Access Token Usage"). A key
 * is known by its look, whatever the parameter is called.
 */
export function refuseTokenInQuery(query: URLSearchParams): void {
  if (query.has('access_token') || [...query.values()].some(looksLikeApiKey)) {
    throw new AccessError('invalid_request', 'Access tokens and API keys are not accepted in the query string.', {
      reason: 'token_in_query',
    });
  }
}

/** What a server shows its issuer: the id and secret that `server add` printed. */
export interface ServerCredential {
  readonly id: string;
  readonly secret: string;
}

/** Reads a credential in either of its forms, `{ id, secret }` or `id:secret`. */
export function parseServerCredential(credential: ServerCredential | string): ServerCredential {
  if (typeof credential !== 'string') return credential;
  const colon = credential.indexOf(':');
  if (colon < 1 || colon === credential.length - 1) {
    throw new TypeError('A server credential has the form "id:secret".');
  }
  return { id: credential.slice(0, colon), secret: credential.slice(colon + 1) };
}

/** The `Authorization` header of RFC 6749 §2.3.1. Ids and secrets are URL-safe, so encoding changes nothing. */
export function basicAuthorization(credential: ServerCredential): string {
  return `Basic ${btoa(`${encodeURIComponent(credential.id)}:${encodeURIComponent(credential.secret)}`)}`;
}
