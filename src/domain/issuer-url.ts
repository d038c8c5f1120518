/** Issuer URLs: how they are spelled, and when two of them would be in each other's way. */
import { isLoopbackHost } from './resource-uri.ts';

/** Why a text is no issuer URL. `not-canonical` carries the spelling that is. */
export type IssuerUrlProblem =
  | { problem: 'not-http' | 'has-userinfo' | 'has-query' | 'plain-http' }
  | { problem: 'not-canonical'; canonical: string };

/** Reads an issuer URL in its one canonical spelling, because it is compared byte by byte (MCP-4). Plain http is for loopback only. */
export function readIssuerUrl(text: string): { url: URL } | IssuerUrlProblem {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return { problem: 'not-http' };
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return { problem: 'has-userinfo' };
  if (text.includes('?') || text.includes('#')) return { problem: 'has-query' };
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname)) return { problem: 'plain-http' };
  const canonical = url.href.replace(/\/+$/, '');
  return text === canonical ? { url } : { problem: 'not-canonical', canonical };
}

/** The path of an issuer URL, without a slash at its end; empty at the root of its host. */
export function issuerPath(issuer: string): string {
  const { pathname } = new URL(issuer);
  return pathname === '/' ? '' : pathname;
}

/** How requests may name the host of an issuer: as it stands in its URL, and with the default port of its scheme. */
export function hostNames(issuer: string): readonly string[] {
  const { host, port, protocol } = new URL(issuer);
  return port === '' ? [host, `${host}:${protocol === 'https:' ? 443 : 80}`] : [host];
}

/** Whether a request could mean either of two issuers: one host, and one path at or below the other. */
export function areNested(one: string, other: string): boolean {
  const names = hostNames(other);
  if (!hostNames(one).some((name) => names.includes(name))) return false;
  const [first, second] = [`${issuerPath(one)}/`, `${issuerPath(other)}/`];
  return first.startsWith(second) || second.startsWith(first);
}
