/**
 * Clients that are their own document: the client id is the https URL at which it is published (OAuth Client ID Metadata Document;
 * MCP 2026-07-28 authorization). Which URLs can be such an id, and which documents say enough, and nothing that should be secret.
 */
import { parseClientKeys } from './client-keys.ts';
import { type ClientAuthMethod, type ParsedClientMetadata, parseClientMetadata } from './client-metadata.ts';

/** Why a URL is no client id. */
export type DocumentUrlProblem =
  | 'too-long'
  | 'odd-character'
  | 'not-https'
  | 'has-userinfo'
  | 'has-fragment'
  | 'no-path'
  | 'dot-segment'
  | 'no-public-host'
  | 'not-canonical';

/** The longest client id that is a URL. */
export const maxDocumentUrlCharacters = 2_048;

/** In words for whoever published it. */
export const documentUrlReasons: Readonly<Record<DocumentUrlProblem, string>> = {
  'too-long': `the client id must have at most ${maxDocumentUrlCharacters} characters`,
  'odd-character': 'the client id has a character that cannot stand in a URL',
  'not-https': 'the client id must begin with https://',
  'has-userinfo': 'the client id must not have a user name or password',
  'has-fragment': 'the client id must not have a fragment',
  'no-path': 'the client id must have a path: https://client.example/metadata.json',
  'dot-segment': 'the path of the client id must not have the segments “.” and “..”, encoded ones included',
  'no-public-host': 'the host of the client id must be a name in public use, and no address',
  'not-canonical': 'the client id must be in its normal form: the host in small letters, without the port 443',
};

/** Whether a client id means to be a document, well or badly written: no other client id looks so. */
export function isDocumentUrl(clientId: string): boolean {
  return /^https?:/i.test(clientId);
}

/** RFC 3986 §2; a backslash, which parsers take for a slash, is not among them. */
const uriCharacters = /^[\w.~:/?#[\]@!$&'()*+,;=%-]+$/;
const dotSegment = /^(?:\.|%2e){1,2}$/i;
/** At least two labels, the last one no number, nor one that is never in public use (RFC 6761, RFC 6762, RFC 8375). */
const publicHost = /^(?:[a-z0-9_](?:[a-z0-9_-]{0,62})\.)+(?!(?:localhost|local|internal|invalid|onion|arpa)$)[a-z][a-z0-9-]{0,62}$/;

/**
 * Judges a URL as a client id. It is compared to the byte everywhere, so it must be the one spelling of what it names: then nobody passes
 * a list of hosts, or takes a known client's place, by another one.
 */
export function parseDocumentUrl(clientId: string): { host: string } | { problem: DocumentUrlProblem } {
  if (clientId.length > maxDocumentUrlCharacters) return { problem: 'too-long' };
  if (!uriCharacters.test(clientId)) return { problem: 'odd-character' };
  if (!/^https:\/\//i.test(clientId)) return { problem: 'not-https' };
  const [, authority = '', path = ''] = /^https:\/\/([^/?#]*)([^?#]*)/i.exec(clientId) ?? [];
  if (authority.includes('@')) return { problem: 'has-userinfo' };
  if (clientId.includes('#')) return { problem: 'has-fragment' };
  if (path === '' || path === '/') return { problem: 'no-path' };
  if (path.split('/').some((segment) => dotSegment.test(segment))) return { problem: 'dot-segment' };
  if (!URL.canParse(clientId)) return { problem: 'no-public-host' };
  const url = new URL(clientId);
  if (!publicHost.test(url.hostname)) return { problem: 'no-public-host' };
  return url.href === clientId ? { host: url.hostname } : { problem: 'not-canonical' };
}

/** How a client that is a document may prove who it is: by what it publishes, never by a secret. */
const documentMethods = ['none', 'private_key_jwt'] as const satisfies readonly ClientAuthMethod[];

/**
 * Reads the document of a client id, by the rules of registration and those of its own: it names itself, has a name for people, and has
 * neither secrets nor private keys. Of the ways to authenticate that it says it is able to (`token_endpoint_auth_methods_supported`, else
 * `token_endpoint_auth_method`, else `none`) those count that are possible here.
 */
export function parseMetadataDocument(clientId: string, json: unknown): ParsedClientMetadata {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return wrong('the document must be a JSON object');
  const said = new Map<string, unknown>(Object.entries(json));
  const get = (member: string) => said.get(member) ?? undefined;
  if (get('client_id') !== clientId) return wrong('client_id must be the very URL that the document was asked for at');
  if (get('client_name') === undefined || get('client_name') === '') return wrong('client_name must be there');
  if ((get('client_secret') ?? '') !== '') return wrong('a document must not have a client_secret: everybody can read it');
  const keys = get('jwks') === undefined ? undefined : parseClientKeys(get('jwks'));
  if (keys && !keys.ok) return wrong(`jwks cannot be used: ${keys.reason}`);
  const methods = readMethods(get('token_endpoint_auth_method'), get('token_endpoint_auth_methods_supported'));
  if (typeof methods === 'string') return wrong(methods);
  const hasKeys = get('jwks') !== undefined || get('jwks_uri') !== undefined;
  const byKey = methods.includes('private_key_jwt') && (hasKeys || !methods.includes('none'));
  const parsed = parseClientMetadata({ ...Object.fromEntries(said), token_endpoint_auth_method: byKey ? 'private_key_jwt' : 'none' });
  if (!parsed.ok) return parsed;
  if (parsed.metadata.name === undefined) return wrong('client_name must be there');
  return byKey && methods.includes('none') ? { ok: true, metadata: { ...parsed.metadata, isProofOptional: true } } : parsed;
}

function readMethods(one: unknown, several: unknown): readonly string[] | string {
  const hasSeveral = Array.isArray(several) && several.length > 0;
  const named: readonly unknown[] = hasSeveral ? several : [one ?? 'none'];
  const possible = documentMethods.filter((method) => named.includes(method));
  const member = hasSeveral ? 'token_endpoint_auth_methods_supported' : 'token_endpoint_auth_method';
  return possible.length > 0 ? possible : `${member} must name none or private_key_jwt: a published client has no shared secret`;
}

function wrong(reason: string): ParsedClientMetadata {
  return { ok: false, problem: { kind: 'metadata', reason } };
}
