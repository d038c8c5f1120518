/** Resource URIs (RFC 8707 §2): what names a protected server, and when two spellings name the same one. */

/** A resource URI in the two forms it is used in. */
export interface ResourceUri {
  /** As its owner wrote it; it becomes the `aud` of tokens. */
  resource: string;
  /** The form that is compared: scheme and host in lower case, no default port, `https://h/` as `https://h`. */
  key: string;
}

/** Why a string is no resource URI. */
export type ResourceUriProblem = 'not-absolute' | 'not-http' | 'has-fragment' | 'has-userinfo' | 'plain-http' | 'too-long';

/** The longest resource URI that is accepted. */
const maxResourceUriCharacters = 2_048;

const loopbackHosts = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Whether a URL's host is this machine itself. */
export function isLoopbackHost(hostname: string): boolean {
  return loopbackHosts.has(hostname.toLowerCase()) || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname);
}

/** Reads a resource URI; plain http is accepted on loopback only (MCP-8). Two URIs name one server when their `key` is equal (MCP-21). */
export function parseResourceUri(input: string): ResourceUri | { problem: ResourceUriProblem } {
  if (input.length > maxResourceUriCharacters) return { problem: 'too-long' };
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^\s\\]+$/i.test(input) || !URL.canParse(input)) return { problem: 'not-absolute' };
  const url = new URL(input);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return { problem: 'not-http' };
  if (input.includes('#')) return { problem: 'has-fragment' };
  if (url.username !== '' || url.password !== '') return { problem: 'has-userinfo' };
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname)) return { problem: 'plain-http' };
  return { resource: input, key: comparableForm(url) };
}

function comparableForm(url: URL): string {
  const path = url.pathname === '/' ? '' : url.pathname;
  return `${url.protocol}//${url.host}${path}${url.search}`;
}
