/** Branded identifiers: a string that names one kind of thing, with a prefix that says which. */

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** `root`, or `tnt_…`. */
export type TenantId = Branded<'tenant'>;
/** `usr_…`; the `sub` of tokens. */
export type UserId = Branded<'user'>;
/** `srv_…`; also the client id of the server's credential. */
export type ServerId = Branded<'server'>;
/** An OAuth client id, as the client knows it. */
export type ClientId = Branded<'client'>;
/** `cns_…` */
export type ConsentId = Branded<'consent'>;
/** `ins_…` */
export type InstallationId = Branded<'installation'>;
/** `svc_…`; the `sub` of tokens that are no person's. */
export type ServiceAccountId = Branded<'serviceAccount'>;
/** `grp_…` */
export type GroupId = Branded<'group'>;
/** `asn_…` */
export type ToolAssignmentId = Branded<'toolAssignment'>;
/** `key_…`; names an API key, and is none. It is the client id of what the key does. */
export type ApiKeyId = Branded<'apiKey'>;
/** Whom a token is about. */
export type SubjectId = UserId | ServiceAccountId;
/** `iat_…`; names an initial access token, and is none. */
export type InitialAccessTokenId = Branded<'initialAccessToken'>;

/** The tenant at the base of the issuer URL; it always exists. */
export const rootTenantId = 'root' as TenantId;

/** The prefix of each kind of id that the issuer makes. */
export const idPrefixes = {
  tenant: 'tnt_',
  user: 'usr_',
  server: 'srv_',
  client: 'cli_',
  consent: 'cns_',
  installation: 'ins_',
  serviceAccount: 'svc_',
  toolAssignment: 'asn_',
  apiKey: 'key_',
  group: 'grp_',
  initialAccessToken: 'iat_',
  event: 'evt_',
} as const;

/** Reads a consent's id from outside; undefined for what none can be, some of which a database would choke on. */
export function parseConsentId(text: string): ConsentId | undefined {
  return /^cns_[\w-]{1,64}$/.test(text) ? (text as ConsentId) : undefined;
}

/** Reads an installation's id from outside, in the same way. */
export function parseInstallationId(text: string): InstallationId | undefined {
  return /^ins_[\w-]{1,64}$/.test(text) ? (text as InstallationId) : undefined;
}

/** Reads a server's id from outside, in the same way. */
export function parseServerId(text: string): ServerId | undefined {
  return /^srv_[\w-]{1,64}$/.test(text) ? (text as ServerId) : undefined;
}

/** Reads an API key's id from outside, in the same way. */
export function parseApiKeyId(text: string): ApiKeyId | undefined {
  return /^key_[\w-]{1,64}$/.test(text) ? (text as ApiKeyId) : undefined;
}
