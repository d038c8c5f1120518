import { unavailable } from './access-error.ts';
import { type IssuerHttp, parseJsonObject } from './issuer-http.ts';
import { type KeptDocument, keepDocument } from './kept-document.ts';
import { isLoopbackHost } from './loopback.ts';

const MAX_BYTES = 256 * 1024;

/** What the library reads from the issuer's RFC 8414 document. */
export interface IssuerMetadata {
  readonly jwksUri: string;
  readonly introspectionEndpoint: string | undefined;
}

/**
 * The RFC 8414 document of an issuer, kept for ten minutes, usable for a day while the issuer is
 * away. Its `issuer` must be the configured one byte for byte (RFC 8414 §3.3): otherwise another
 * issuer's keys could be slipped in.
 */
export function keepIssuerMetadata(issuer: string, http: IssuerHttp, now: () => Date): KeptDocument<IssuerMetadata> {
  const url = metadataUrlOf(issuer);
  return keepDocument({
    now,
    freshSeconds: 600,
    usableSeconds: 86_400,
    retrySeconds: 2,
    load: async () => {
      try {
        const bytes = await http.get(url, { accept: 'application/json', maxBytes: MAX_BYTES });
        return readMetadata(issuer, parseJsonObject(bytes));
      } catch (cause) {
        throw unavailable('metadata', cause);
      }
    },
  });
}

/** RFC 8414 §3.1: the well-known part stands between the host and the issuer's path. */
function metadataUrlOf(issuer: string): string {
  const url = new URL(issuer);
  const path = url.pathname === '/' ? '' : url.pathname.replace(/\/$/, '');
  return `${url.origin}/.well-known/oauth-authorization-server${path}`;
}

/** Whether a URL may be fetched over the wire as it is: https, or plain http on this machine. */
export function isSafeTransport(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname));
}

function readMetadata(issuer: string, document: Record<string, unknown>): IssuerMetadata {
  if (document.issuer !== issuer) {
    throw new Error(`The metadata names the issuer ${JSON.stringify(document.issuer)}, not "${issuer}".`);
  }
  return {
    jwksUri: readUrl(document.jwks_uri, 'jwks_uri'),
    introspectionEndpoint:
      document.introspection_endpoint === undefined ? undefined : readUrl(document.introspection_endpoint, 'introspection_endpoint'),
  };
}

function readUrl(value: unknown, name: string): string {
  if (typeof value !== 'string' || !isSafeTransport(new URL(value))) {
    throw new Error(`The metadata's ${name} is not an https URL.`);
  }
  return value;
}
