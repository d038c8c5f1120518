/** Redirect URIs: which a client may register, and when a requested one is a registered one. */

/** How a redirect URI is reached: a web host, this machine, or an application that claimed the scheme. */
export type RedirectKind = 'https' | 'loopback' | 'private-use';

/** Why a string is no redirect URI that may be registered. */
export type RedirectUriProblem =
  | 'too-long'
  | 'odd-character'
  | 'not-absolute'
  | 'has-fragment'
  | 'has-userinfo'
  | 'has-wildcard'
  | 'plain-http'
  | 'scheme-not-allowed'
  | 'odd-host';

/** The longest redirect URI that is accepted. */
export const maxRedirectUriCharacters = 2_048;

/** The most redirect URIs that one client may have. */
export const maxRedirectUris = 10;

/** Schemes without a dot that known clients use; every other private-use scheme is a reversed domain (RFC 8252 §7.1). */
const knownSchemes = new Set(['cursor:', 'grokbot:', 'vscode:', 'vscode-insiders:']);
const reversedDomain = /^[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)+:$/;
/** RFC 3986 §2; browsers mend the others, each in its own way. */
const uriCharacters = /^[\w.~:/?#[\]@!$&'()*+,;=%-]+$/;
/** Browsers take more, but a host with `;` or `,` in it would go on in the content security policy that names it. */
const plainHost = /^(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:]+\])$/;
const loopbackHosts = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Judges a redirect URI by itself, whatever the `application_type` beside it says: https anywhere, http on loopback only,
 * private-use schemes by list. Schemes that run code or read files are refused like all other unknown ones.
 */
export function parseRedirectUri(input: string): { kind: RedirectKind } | { problem: RedirectUriProblem } {
  if (input.length > maxRedirectUriCharacters) return { problem: 'too-long' };
  if (!uriCharacters.test(input)) return { problem: 'odd-character' };
  if (!URL.canParse(input)) return { problem: 'not-absolute' };
  const url = new URL(input);
  if (input.includes('#')) return { problem: 'has-fragment' };
  if (url.username !== '' || url.password !== '' || authorityOf(input).includes('@')) return { problem: 'has-userinfo' };
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return knownSchemes.has(url.protocol) || reversedDomain.test(url.protocol)
      ? { kind: 'private-use' }
      : { problem: 'scheme-not-allowed' };
  }
  if (authorityOf(input).includes('*')) return { problem: 'has-wildcard' };
  if (!plainHost.test(url.hostname) || !spellsItsHost(input, url)) return { problem: 'odd-host' };
  if (url.protocol === 'https:') return { kind: 'https' };
  return loopbackHosts.has(url.hostname) ? { kind: 'loopback' } : { problem: 'plain-http' };
}

/** `127.1`, `0x7f.0.0.1`, `%6cocalhost`, `http:/h` and the like mean a host without naming it; nobody needs them. */
function spellsItsHost(input: string, url: URL): boolean {
  const start = `${url.protocol}//${url.hostname}`;
  const rest = input.slice(start.length);
  return input.slice(0, start.length).toLowerCase() === start && /^(?::\d{1,5})?(?:[/?]|$)/.test(rest);
}

function authorityOf(input: string): string {
  return /^[^:]+:\/\/([^/?]*)/.exec(input)?.[1] ?? '';
}

/**
 * Whether a requested redirect URI is one of the registered ones: equal to the character; for loopback URIs the port may
 * differ, because native applications listen where they can (RFC 8252 §7.3). `localhost` and `127.0.0.1` are different hosts.
 */
export function isRegisteredRedirectUri(registered: readonly string[], requested: string): boolean {
  if (registered.includes(requested)) return true;
  const wanted = withoutLoopbackPort(requested);
  return wanted !== undefined && registered.some((uri) => withoutLoopbackPort(uri) === wanted);
}

function withoutLoopbackPort(uri: string): string | undefined {
  const parsed = parseRedirectUri(uri);
  if ('problem' in parsed || parsed.kind !== 'loopback') return undefined;
  const [, host, rest] = /^(http:\/\/(?:localhost|127\.0\.0\.1|\[::1\]))(?::\d{1,5})?((?:[/?].*)?)$/.exec(uri) ?? [];
  return host === undefined ? undefined : `${host}${rest ?? ''}`;
}

/** What a page must allow as a form's target for the redirect to pass its content security policy: an origin, or `scheme:`. */
export function redirectSource(uri: string): string {
  const { protocol, origin } = new URL(uri);
  return protocol === 'https:' || protocol === 'http:' ? origin : protocol;
}
