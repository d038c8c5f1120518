import type { Access } from './access.ts';
import type { AccessError } from './access-error.ts';
import { widenElicitation, widenError } from './elicit-widening.ts';
import { echoableId, isRequest, jsonRpcError, messagesOf, NOT_ALLOWED_ERROR_CODE } from './json-rpc.ts';
import type { Denial, Judgement } from './judge.ts';
import { hasRevisionClaim } from './protocol-era.ts';
import { isToolCall } from './requirement.ts';
import { ADVERTISED_SCOPES } from './scope.ts';

/** An HTTP answer in which no framework has a part. Header names are lower-case. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An answer with a JSON body. Nothing of it may be kept by caches: it was made for one token. */
export function jsonAnswer(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify(value),
  };
}

/**
 * The answer to a request whose token was not accepted (RFC 6750 §3, MCP authorization). Without
 * credentials the challenge says where to get some and names no error; `temporarily_unavailable` is
 * a 503, because a 401 would make clients throw away a token that may be good.
 */
export function answerToAccessError(error: AccessError, resourceMetadataUrl: string): Answer {
  const scope = ADVERTISED_SCOPES.join(' ');
  switch (error.code) {
    case 'missing_token':
      return jsonAnswer(
        401,
        { error: 'unauthorized', error_description: 'An access token is needed.' },
        { 'www-authenticate': challenge({ resource_metadata: resourceMetadataUrl, scope }) },
      );
    case 'invalid_token': {
      const facts = {
        error: 'invalid_token',
        error_description: 'The access token is expired, revoked, or not for this server.',
      };
      return jsonAnswer(401, facts, {
        'www-authenticate': challenge({ ...facts, resource_metadata: resourceMetadataUrl, scope }),
      });
    }
    case 'invalid_request': {
      const facts = { error: 'invalid_request', error_description: error.message };
      return jsonAnswer(400, facts, {
        'www-authenticate': challenge({ ...facts, resource_metadata: resourceMetadataUrl }),
      });
    }
    case 'insufficient_scope': {
      const facts = {
        error: 'insufficient_scope',
        error_description: 'The access token does not allow this.',
        scope: error.missingScopes.join(' '),
      };
      return jsonAnswer(403, facts, {
        'www-authenticate': challenge({ ...facts, resource_metadata: resourceMetadataUrl }),
      });
    }
    case 'temporarily_unavailable':
      return jsonAnswer(
        503,
        {
          error: 'temporarily_unavailable',
          error_description: 'The token could not be checked. Keep it, and try again.',
        },
        { 'retry-after': String(error.retryAfterSeconds) },
      );
  }
}

/** The answer to a body that could not be judged. */
export function answerToMalformed(judgement: Extract<Judgement, { kind: 'malformed' }>): Answer {
  return jsonAnswer(400, jsonRpcError(judgement.id, { code: judgement.code, message: judgement.text }));
}

/**
 * A 403 that asks for exactly what this operation lacks, and nothing else (MCP 2026-07-28
 * authorization, "Scope Challenge Handling"). Where no scope would help, it is not a challenge:
 * clients would ask the person in vain.
 */
export function challengeDenied(
  denials: readonly Denial[],
  context: { readonly access: Access; readonly resourceMetadataUrl: string },
): Answer {
  const hopeless = denials.find((denial) => denial.missingScope === undefined);
  if (hopeless !== undefined) {
    return jsonAnswer(403, jsonRpcError(echoableId(hopeless.message), { code: NOT_ALLOWED_ERROR_CODE, message: hopeless.text }));
  }
  const scope = joinWithinHeader(denials.map((denial) => denial.missingScope ?? ''));
  const error = { error: 'insufficient_scope', scope };
  const first = denials[0];
  const widenUri = first === undefined ? undefined : widenUriOf(first, context.access);
  return jsonAnswer(
    403,
    {
      ...error,
      error_description: textOf(first, widenUri),
      ...(widenUri === undefined ? {} : { widen_uri: widenUri }),
    },
    {
      'www-authenticate': challenge({
        ...error,
        error_description: 'The person has not allowed this.',
        resource_metadata: context.resourceMetadataUrl,
      }),
    },
  );
}

/**
 * The same refusal as JSON-RPC answers with status 200, for clients that swallow a 403: a tool
 * result with `isError`, whose text a model reads. Nothing of the body ran; messages that would have
 * been allowed say so.
 */
export function answerDeniedInBand(body: unknown, denials: readonly Denial[], caller: RefusedCaller): Answer {
  const answers = messagesOf(body)
    .filter(isRequest)
    .map((message) => {
      const denial = denials.find((candidate) => candidate.message === message);
      return denial === undefined ? notRun(message) : deniedResponse(denial, caller);
    });
  if (answers.length === 0) return { status: 202, headers: {}, body: '' };
  return jsonAnswer(200, Array.isArray(body) ? answers : answers[0]);
}

/** The answer to calls that may run only once that is recorded, while it cannot be. */
export function answerUnrecorded(): Answer {
  return jsonAnswer(
    503,
    { error: 'temporarily_unavailable', error_description: `${UNRECORDED_TEXT} The token is good: keep it.` },
    { 'retry-after': '5' },
  );
}

/** The same where there is no HTTP: a tool result, for the model to read. */
export function unrecordedResponse(message: unknown): Record<string, unknown> {
  return deniedResponse({ message, missingScope: undefined, tool: undefined, text: UNRECORDED_TEXT });
}

const UNRECORDED_TEXT = 'Nothing was run, because it could not be recorded. Try again in a moment.';

/** Who is refused something. */
export interface RefusedCaller {
  readonly access: Access;
  /** Names the question about a tool; absent or undefined where the client has not declared that it opens pages (MCP 2025-11-25). */
  readonly elicitationId?: ((tool: string) => string | undefined) | undefined;
}

/** One refused message's JSON-RPC response: a tool result for a tool call, else an error. */
export function deniedResponse(denial: Denial, caller?: RefusedCaller): Record<string, unknown> {
  const id = echoableId(denial.message);
  const access = caller?.access;
  const widenUri = access === undefined ? undefined : widenUriOf(denial, access);
  const text = textOf(denial, widenUri);
  if (!isToolCall(denial.message)) {
    const data = widenUri === undefined ? undefined : { widen_uri: widenUri };
    return jsonRpcError(id, { code: NOT_ALLOWED_ERROR_CODE, message: text, ...(data && { data }) });
  }
  if (widenUri !== undefined) {
    const page = { url: widenUri, text: `${denial.text} You can allow it there.` };
    const elicitation = widenElicitation(denial.message, page);
    if (elicitation !== undefined) return { jsonrpc: '2.0', id, result: elicitation };
    const elicitationId = denial.tool === undefined ? undefined : caller?.elicitationId?.(denial.tool);
    if (elicitationId !== undefined) return widenError(id, { ...page, elicitationId, message: text });
  }
  const result = { content: [{ type: 'text', text }], isError: true };
  return {
    jsonrpc: '2.0',
    id,
    result: hasRevisionClaim(denial.message) ? { ...result, resultType: 'complete' } : result,
  };
}

/**
 * The page where the person can allow what was refused. It is a hint that anybody could write: the
 * page asks who is there, shows the whole consent, and changes nothing before a click.
 */
function widenUriOf(denial: Denial, access: Access): string | undefined {
  if (access.consentId === undefined || denial.missingScope === undefined) return undefined;
  const query = new URLSearchParams({ consent: access.consentId });
  if (denial.tool === undefined) query.set('scope', denial.missingScope);
  else query.set('tool', denial.tool);
  return `${access.issuer.replace(/\/$/, '')}/widen?${query}`;
}

function textOf(denial: Denial | undefined, widenUri: string | undefined): string {
  const text = denial?.text ?? 'This is not allowed.';
  return widenUri === undefined ? text : `${text} The person who connected it can allow it at ${widenUri} and then ask for it again.`;
}

function notRun(message: unknown): Record<string, unknown> {
  return jsonRpcError(echoableId(message), {
    code: NOT_ALLOWED_ERROR_CODE,
    message: 'Not run, because another message of this batch is not allowed.',
  });
}

/** What does not fit is asked for at the next attempt; a header that is too long would be lost with its whole answer. */
function joinWithinHeader(scopes: readonly string[]): string {
  let joined = '';
  for (const scope of new Set(scopes)) {
    const longer = joined === '' ? scope : `${joined} ${scope}`;
    if (longer.length > MAX_SCOPE_LENGTH && joined !== '') return joined;
    joined = longer;
  }
  return joined;
}

const MAX_SCOPE_LENGTH = 2048;

function challenge(parameters: Readonly<Record<string, string>>): string {
  const parts = Object.entries(parameters).map(([name, value]) => `${name}="${quotable(value)}"`);
  return `Bearer ${parts.join(', ')}`;
}

/** Scopes and URLs need no escapes; anything else that could end the quotation is dropped. */
function quotable(value: string): string {
  return value.replaceAll(/[^\x20\x21\x23-\x5B\x5D-\x7E]/g, '');
}
