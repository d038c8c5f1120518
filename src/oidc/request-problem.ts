import type { RequestProblem } from './engine-contract.ts';
import { clientBlockedDescription } from './errors.ts';

/** What the engine says of a request that it refuses, its texts as of the pinned version; a test goes through all of them. */
const texts: readonly [text: RegExp, problem: RequestProblem['kind']][] = [
  [/must not be provided twice$/, 'twice'],
  [/^missing required parameters? .*'client_id'/, 'client-missing'],
  [/^missing required parameters? .*'redirect_uri'/, 'redirect-uri-missing'],
  [/^missing required parameters?/, 'missing'],
  [/^redirect_uri did not match/, 'redirect-uri-unknown'],
  [/response_type/, 'response-type'],
  [/response_mode/, 'response-mode'],
  [/code_challenge|requires PKCE/, 'pkce'],
  [/\bprompt\b/, 'prompt'],
  [/\bscope\b/, 'scope'],
  [/max_age|id_token_hint|\bclaims\b/, 'identity-parameter'],
  [/a character that is not allowed$/, 'character'],
  [/session|interaction|expired/i, 'session'],
];

const codes: Readonly<Record<string, RequestProblem['kind']>> = {
  invalid_client: 'client-unknown',
  invalid_target: 'resource',
  invalid_scope: 'scope',
  login_required: 'person-needed',
  consent_required: 'person-needed',
  interaction_required: 'person-needed',
  request_not_supported: 'request-object',
  request_uri_not_supported: 'request-object',
  registration_not_supported: 'request-object',
  access_denied: 'denied',
};

/** Tells what is wrong with a request from the error that the engine made of it. */
export function toRequestProblem({ error, description = '' }: { error: string; description?: string | undefined }): RequestProblem {
  const isBlocked = description === clientBlockedDescription;
  const kind = isBlocked ? 'client-blocked' : (codes[error] ?? texts.find(([text]) => text.test(description))?.[1] ?? 'other');
  const named = [...description.matchAll(/'([a-z_]+)'/g)].map(([, name]) => name);
  return { kind, ...(named.length > 0 && { parameter: named.join(', ') }) };
}
