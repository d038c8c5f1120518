/** How far the name of a client can be trusted in one request. Pure: kind, client id, what an administrator said, and this request's redirect. */
import { parseRedirectUri } from './redirect-uri.ts';

/** How a client came to be: an admin made it, it registered itself (RFC 7591), or it is a document at the URL that is its id (CIMD). */
export type ClientKind = 'manual' | 'dynamic' | 'document';

/** What of a client says how far it can be trusted. */
export interface TrustedClient {
  kind: ClientKind;
  id: string;
  /** When an administrator checked who it is. */
  verifiedAt?: Date;
}

/** Where the answer to a request goes. */
export type AnswerPlace =
  /** To whoever runs a web host; what `host` names is not a claim. */
  | { kind: 'web'; host: string }
  /** To whatever program listens on this computer. */
  | { kind: 'loopback'; host: string }
  /** To whatever app on this device claimed the scheme. */
  | { kind: 'app'; scheme: string };

/** Who says that the name is the client's. */
export type Voucher =
  | { by: 'administrator'; how: 'made' }
  | { by: 'administrator'; how: 'checked'; at: Date }
  /** The document is published at the host that gets the answer. */
  | { by: 'publisher'; host: string };

/** What a page may say of a client. */
export interface ClientTrust {
  /** Absent where no request is looked at: the account pages. */
  answer?: AnswerPlace;
  /** The host that publishes the client's document; it is as good as the name of whoever made it, if the answer goes there too. */
  publisher?: string;
  /** Absent: nobody vouches for the name. */
  voucher?: Voucher;
  /**
   * Nobody else can take the answer, and somebody who can be named vouches for the client: it may go on with what stands without a
   * person being asked (MCP-16). Never for loopback and app schemes, which any program can claim. It does not say that somebody here
   * knows the client: for that the voucher must be an administrator.
   */
  isProven: boolean;
}

/** Judges a client, in a request that wants its answer at `redirectUri`, or by itself. */
export function judgeTrust(client: TrustedClient, redirectUri?: string): ClientTrust {
  const answer = redirectUri === undefined ? undefined : answerPlace(redirectUri);
  const publisher = client.kind === 'document' ? hostOf(client.id) : undefined;
  const voucher = voucherOf(client, { answer, publisher });
  return {
    ...(answer && { answer }),
    ...(publisher !== undefined && { publisher }),
    ...(voucher && { voucher }),
    isProven: answer?.kind === 'web' && voucher !== undefined,
  };
}

/** Where an answer goes, in the form that a person can judge. Takes what was registered as a redirect URI. */
export function answerPlace(redirectUri: string): AnswerPlace {
  const parsed = parseRedirectUri(redirectUri);
  const url = new URL(redirectUri);
  if ('problem' in parsed || parsed.kind === 'private-use') return { kind: 'app', scheme: url.protocol.slice(0, -1) };
  return { kind: parsed.kind === 'https' ? 'web' : 'loopback', host: url.host };
}

function voucherOf(
  { kind, verifiedAt }: TrustedClient,
  { answer, publisher }: { answer: AnswerPlace | undefined; publisher: string | undefined },
): Voucher | undefined {
  if (verifiedAt) return { by: 'administrator', how: 'checked', at: verifiedAt };
  if (kind === 'manual') return { by: 'administrator', how: 'made' };
  if (publisher !== undefined && answer?.kind === 'web' && answer.host === publisher) return { by: 'publisher', host: publisher };
  return undefined;
}

/** With its port: another port is another publisher. */
function hostOf(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, host } = new URL(url);
  return protocol === 'https:' && host !== '' ? host : undefined;
}
