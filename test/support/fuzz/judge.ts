/** What holds for every answer, whatever was asked. */
import { isRegisteredRedirectUri, parseRedirectUri } from '../../../src/domain/redirect-uri.ts';
import { paths } from '../../../src/oidc/routes.ts';
import type { Draft, WireRequest } from './draft.ts';
import type { WireAnswer } from './wire.ts';

/** What answers are judged by, beside themselves. */
export interface JudgedPlace {
  issuer: string;
  /** Redirect URIs of the clients that requests are made with; nothing else may ever be redirected to. */
  redirectUris: readonly string[];
  /** Clients that requests change by themselves: they are redirected to whatever may be registered. */
  changingClients: readonly string[];
  /** Never told to anybody. */
  secrets: readonly string[];
}

const maxAnswerBytes = 400_000;
const maxAnswerMs = 30_000;
const jsonPaths: ReadonlySet<string> = new Set([
  paths.token,
  paths.register,
  paths.introspect,
  paths.revoke,
  paths.jwks,
  paths.oauthMetadata,
  paths.openidMetadata,
]);

/** What is wrong with an answer; nothing is as it should be. */
export function findProblems(draft: Draft, sent: WireRequest, { answer, place }: { answer: WireAnswer; place: JudgedPlace }): string[] {
  const { status, headers, body, ms } = answer;
  const header = (name: string) => headers.get(name)?.join(', ') ?? '';
  // Before it is a request, Node's parser answers: with a status and nothing else.
  if (header('x-request-id') === '') {
    const isParsers = [400, 408, 413, 414, 417, 431].includes(status) && body === '';
    return isParsers ? [] : [`${status} without a request id: ${body.slice(0, 200)}`];
  }
  return [
    ...findStatusProblems(status, header('retry-after')),
    ...(header('x-content-type-options') === 'nosniff' ? [] : ['no nosniff']),
    ...(body.length > maxAnswerBytes ? [`${body.length} bytes`] : []),
    ...(ms > maxAnswerMs ? [`${Math.round(ms)} ms`] : []),
    ...(headers.get('location') ?? []).flatMap((location) => findRedirectProblems(location, place, { draft, sent })),
    ...findSecretProblems(sent, answer, place),
    ...findFormatProblems(draft, sent, answer),
    ...(/ at \S+ \(?(?:file|node|\/)[^)\s]*:\d+:\d+|node_modules|PrismaClient|SQLSTATE/.test(body)
      ? [`internals: ${body.slice(0, 500)}`]
      : []),
  ];
}

/** Hashing of passwords is bounded, and says so with 503; nothing else may fail. */
function findStatusProblems(status: number, retryAfter: string): string[] {
  if (status < 500 && status >= 200) return [];
  return status === 503 && retryAfter !== '' ? [] : [`status ${status}`];
}

/** Where an answer says so, a person has come far enough to be sent anywhere: she is signed in, or signs out by a client's own word. */
function mayLeave({ path }: Draft, { cookie }: WireRequest): boolean {
  return /toolgrant-session-/.test(cookie) || path.startsWith(paths.signOut);
}

const answerParameters = ['code', 'state', 'iss', 'error', 'error_description', 'error_uri'];

/** A response type that ought to be answered in the fragment is refused there. */
function withoutAnswer(location: string): string {
  return location.replace(/#(?:error|state|iss)=.*$/, '');
}

/** Redirects stay at the issuer, or go to what a client registered once somebody has signed in. */
function findRedirectProblems(
  location: string,
  { issuer, redirectUris, changingClients }: JudgedPlace,
  { draft, sent }: { draft: Draft; sent: WireRequest },
): string[] {
  const { origin } = new URL(issuer);
  const url = URL.canParse(location, issuer) ? new URL(location, issuer) : undefined;
  if (!url) return [`Location that is no URL: ${location}`];
  if (/[^\x21-\x7e]/.test(location)) return [`Location with odd characters: ${location}`];
  if (url.origin === origin) return [];
  if (!mayLeave(draft, sent)) return [`redirected to ${location} before anybody has signed in`];
  const [target = '', query = ''] = withoutAnswer(location).split('?');
  const kept = query.split('&').filter((pair) => pair !== '' && !answerParameters.includes(pair.split('=')[0] ?? ''));
  const bare = kept.length > 0 ? `${target}?${kept.join('&')}` : target;
  const isChanging = changingClients.some((id) => sent.content.includes(id)) && !('problem' in parseRedirectUri(bare));
  return isChanging || isRegisteredRedirectUri(redirectUris, bare) ? [] : [`redirected to ${location}`];
}

/** What lets anybody in is never kept by a cache, and never told to those who did not say it themselves. */
function findSecretProblems(sent: WireRequest, { headers, body }: WireAnswer, { secrets }: JudgedPlace): string[] {
  const cacheControl = headers.get('cache-control')?.join(', ') ?? '';
  const isCredential = /"(?:access_token|refresh_token|id_token|client_secret|registration_access_token)":|name="form_token"/.test(body);
  const isKept = (isCredential || headers.has('set-cookie')) && !/no-store/.test(cacheControl);
  const all = `${body}\n${[...headers.values()].flat().join('\n')}`;
  return [
    ...(isKept ? [`credentials with Cache-Control "${cacheControl}"`] : []),
    ...secrets
      .filter((secret) => all.includes(secret) && !sent.content.includes(secret))
      .map((secret) => `told the secret ${secret.slice(0, 6)}…`),
  ];
}

/** Programs get JSON, errors included. */
function findFormatProblems({ method, path }: Draft, { accept }: WireRequest, { status, headers, body }: WireAnswer): string[] {
  if (method === 'HEAD' || method === 'OPTIONS' || status === 204 || body === '') return [];
  if (!jsonPaths.has(path) || accept.includes('text/html')) return [];
  const type = headers.get('content-type')?.[0] ?? '';
  if (!/^application\/(?:[\w-]+\+)?json\b/.test(type)) return [`${type} instead of JSON: ${body.slice(0, 200)}`];
  try {
    JSON.parse(body);
    return [];
  } catch {
    return [`broken JSON: ${body.slice(0, 200)}`];
  }
}
