import type { Context } from 'koa';
import { stateOf } from './request-state.ts';

/**
 * What the errors of the token endpoint tell honest developers, by code, or by what the engine says (its texts as of the pinned
 * version). One text for all reasons of a code, so that nobody learns which it was; the log has that.
 */
const texts: readonly Text[] = [
  [
    'invalid_client',
    /./,
    'the client is unknown here, or did not prove who it is: check client_id and credentials, register anew if the client is gone',
  ],
  [
    'invalid_grant',
    /./,
    'the code or refresh_token is not good (any more) for this client: it is unknown, used, expired or revoked, or code_verifier or redirect_uri differ from those of the authorization request; start a new authorization',
  ],
  ['invalid_target', /./, 'resource must be the one that was authorized: send that, or leave it out'],
  ['unsupported_grant_type', /./, 'grant_type must be authorization_code, refresh_token or client_credentials'],
  ['invalid_request', /^no client authentication/, 'client_id is missing: send it in the body, confidential clients with their secret'],
  [
    'invalid_request',
    /one mechanism$/,
    'the client must authenticate in one way: leave out the Authorization header, or client_secret in the body',
  ],
  [
    'invalid_request',
    /grant type is not allowed/,
    'grant_type is none that the client registered: register it with this one in grant_types',
  ],
];

/** What machines are told in their place. */
const machineTexts: readonly Text[] = [
  [
    'invalid_client',
    /./,
    'the client or API key is unknown here, revoked or expired, or did not prove what it is: check client_id and credentials',
  ],
  [
    'invalid_target',
    /./,
    'resource must be a server on which this client is assigned tools: ask whoever runs this issuer to assign them (toolgrant client tool)',
  ],
  [
    'invalid_scope',
    /assigned/,
    'of what scope asks for, nothing is assigned to this client and usable now: leave scope out to get all that is, or ask whoever runs this issuer',
  ],
  [
    'invalid_request',
    /grant type is not allowed/,
    'this client may not use client_credentials, as none may that registered itself: ask whoever runs this issuer for one that may (toolgrant client create --grant client_credentials)',
  ],
  ['unauthorized_client', /./, 'what this client or API key acts as is disabled: ask whoever runs this issuer'],
];

type Text = readonly [error: string, description: RegExp, text: string];

/** Puts these words in the place of the engine's. */
export function explainTokenError(ctx: Context): void {
  const { error, error_description: description } = (ctx.body ?? {}) as { error?: string; error_description?: string };
  const { grantType } = stateOf(ctx);
  const candidates = grantType === 'client_credentials' ? [...machineTexts, ...texts] : texts;
  const [, , text] = candidates.find(([code, pattern]) => code === error && pattern.test(description ?? '')) ?? [];
  if (text !== undefined) ctx.body = { ...(ctx.body as object), error_description: text };
}
