import { invalidToken, unavailable } from './access-error.ts';
import { basicAuthorization, type ServerCredential } from './credentials.ts';
import { type IssuerHttp, parseJsonObject } from './issuer-http.ts';
import type { IssuerMetadata } from './issuer-metadata.ts';
import type { KeptDocument } from './kept-document.ts';
import type { ReadToken } from './token-facts.ts';

const MAX_BYTES = 4 * 1024 * 1024;

/** What introspection needs to know. */
export interface IntrospectOptions {
  readonly issuer: string;
  readonly resource: string;
  readonly credential: ServerCredential;
  readonly metadata: KeptDocument<IssuerMetadata>;
  readonly http: IssuerHttp;
  readonly now: () => Date;
}

/**
 * Asks the issuer about each token (RFC 7662): revocation is immediate, and the token need not be a
 * JWT. Only an answer of 200 says anything about the token; everything else is
 * `temporarily_unavailable`, our own credential being refused included.
 */
export function createIntrospector(options: IntrospectOptions): ReadToken {
  const authorization = basicAuthorization(options.credential);
  return async (token) => {
    const answer = await ask(token);
    if (answer.active !== true) throw invalidToken('inactive');
    if (answer.iss !== undefined && answer.iss !== options.issuer) throw invalidToken('issuer');
    const audience = Array.isArray(answer.aud) && answer.aud.length === 1 ? answer.aud[0] : answer.aud;
    if (audience !== options.resource) throw invalidToken('audience');
    if (answer.cnf !== undefined) throw invalidToken('sender_constrained');
    if (typeof answer.exp !== 'number' || answer.exp * 1000 <= options.now().getTime()) {
      throw invalidToken('expired');
    }
    return {
      subject: requiredText(answer.sub),
      clientId: requiredText(answer.client_id),
      consentId: optionalText(answer.consent),
      tokenId: optionalText(answer.jti),
      scope: optionalText(answer.scope) ?? '',
      selection: optionalText(answer.selection),
      expiresAtSeconds: answer.exp,
      status: undefined,
    };
  };

  async function ask(token: string): Promise<Record<string, unknown>> {
    const { introspectionEndpoint } = await options.metadata.get();
    try {
      const { status, bytes } = await options.http.post(introspectionEndpoint ?? `${options.issuer.replace(/\/$/, '')}/introspect`, {
        contentType: 'application/x-www-form-urlencoded',
        headers: { authorization },
        body: new URLSearchParams({ token, token_type_hint: 'access_token' }).toString(),
        maxBytes: MAX_BYTES,
      });
      if (status !== 200) throw new Error(`Introspection answered ${status}.`);
      return parseJsonObject(bytes);
    } catch (cause) {
      throw unavailable('introspection', cause);
    }
  }
}

function requiredText(value: unknown): string {
  if (typeof value !== 'string' || value === '') throw invalidToken('claims');
  return value;
}

function optionalText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
