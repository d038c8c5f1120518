/**
 * Client metadata (RFC 7591 §2): what a client may say about itself, read once into a typed value.
 * Lenient where clients are sloppy (what means nothing here is dropped, and the answer says what was registered), strict where
 * it matters (redirect URIs, links that people may follow, names that people read).
 */
import { hasSecretKey, type PublicJwk, parseClientKeys } from './client-keys.ts';
import { maxRedirectUris, parseRedirectUri, type RedirectKind } from './redirect-uri.ts';
import { redirectUriWords } from './redirect-uri-words.ts';

/** How a client proves who it is at the token endpoint. */
export type ClientAuthMethod = 'none' | 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt';

/** What an assertion may be signed with (RFC 7518): by a key of the client's alone, never by something that we know as well. */
export const assertionAlgorithms = ['ES256', 'EdDSA', 'PS256', 'RS256'] as const;

/** One of these algorithms. */
export type AssertionAlgorithm = (typeof assertionAlgorithms)[number];

/** Whether clients of a method have a secret. */
export function hasSecret(method: ClientAuthMethod): boolean {
  return method === 'client_secret_basic' || method === 'client_secret_post';
}

/** The grants of a client. `client_credentials` makes it a machine client, which an administrator alone can make. */
export type ClientGrant = 'authorization_code' | 'refresh_token' | 'client_credentials';

/** What is kept of a client's metadata. */
export interface ClientMetadata {
  /** Untrusted text of at most 200 characters, one line. */
  name?: string;
  /** Empty for a client that no person sees. */
  redirectUris: readonly string[];
  authMethod: ClientAuthMethod;
  /** For `private_key_jwt`: its public keys, or where it publishes them; one of both. */
  jwks?: readonly PublicJwk[];
  jwksUri?: string;
  /** The one algorithm that its assertions are signed with; without it, any of them. */
  authSigningAlg?: AssertionAlgorithm;
  /** It may come without proof as well (`none`), though it has keys: only where its document says that it does either. */
  isProofOptional?: boolean;
  grants: readonly ClientGrant[];
  applicationType: 'native' | 'web';
  clientUri?: string;
  logoUri?: string;
  policyUri?: string;
  tosUri?: string;
  postLogoutRedirectUris: readonly string[];
}

/** What is wrong with metadata, in words for whoever sent it. */
export interface ClientMetadataProblem {
  kind: 'redirect-uri' | 'metadata';
  reason: string;
}

/** Metadata that is good, or why not. */
export type ParsedClientMetadata = { ok: true; metadata: ClientMetadata } | { ok: false; problem: ClientMetadataProblem };

/** The longest name of a client, in characters. */
export const maxClientNameCharacters = 200;

const authMethods: readonly ClientAuthMethod[] = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'];
/** What a client that names no grants gets, and the most that one who registers itself can (ENG-16). */
const grants: readonly ClientGrant[] = ['authorization_code', 'refresh_token'];
const grantsByHand: readonly ClientGrant[] = [...grants, 'client_credentials'];

/** Deeper than any metadata that means something; deeper ones are an attack on whoever walks them. */
const maxDepth = 8;

/**
 * Reads a registration or update request. Never throws; members that mean nothing here, inherited ones too, are ignored, and
 * what is null or empty is as good as absent (RFC 7592 §2.2). `byHand`: an administrator says it.
 */
export function parseClientMetadata(body: unknown, { byHand = false }: { byHand?: boolean } = {}): ParsedClientMetadata {
  try {
    if (!isRecord(body) || isDeeperThan(body, maxDepth)) throw wrong('the request must be a JSON object of client metadata');
    const members = new Map(Object.entries(body).filter(([, value]) => !isEmpty(value)));
    checkLinks(members);
    checkTypes(members);
    return { ok: true, metadata: readMetadata(members, byHand ? grantsByHand : grants) };
  } catch (error) {
    if (error instanceof MetadataError) return { ok: false, problem: error.problem };
    throw error;
  }
}

type Members = ReadonlyMap<string, unknown>;

function readMetadata(members: Members, offered: readonly ClientGrant[]): ClientMetadata {
  const redirectUris = readRedirectUris(members, 'redirect_uris');
  const ownGrants = readGrants(members, offered);
  const asksPeople = ownGrants.includes('authorization_code');
  if (redirectUris.length === 0 && asksPeople) throw wrongUri('redirect_uris must name at least one redirect URI: say where answers go');
  readResponseTypes(members);
  const name = readName(members);
  const links = { clientUri: 'client_uri', logoUri: 'logo_uri', policyUri: 'policy_uri', tosUri: 'tos_uri' } as const;
  const present = Object.entries(links).flatMap(([field, member]) => (members.has(member) ? [[field, members.get(member)]] : []));
  return {
    ...(name !== undefined && { name }),
    ...(Object.fromEntries(present) as Partial<Record<keyof typeof links, string>>),
    redirectUris,
    ...readProof(members, ownGrants),
    grants: ownGrants,
    applicationType: readApplicationType(members, redirectUris),
    postLogoutRedirectUris: readRedirectUris(members, 'post_logout_redirect_uris'),
  };
}

function readRedirectUris(members: Members, member: string): string[] {
  const value = members.get(member);
  if (value === undefined) return [];
  if (!isListOfTexts(value)) throw wrongUri(`${member} must be an array of strings, each a whole URI`);
  if (value.length > maxRedirectUris)
    throw wrongUri(
      `${member} must have at most ${maxRedirectUris} members: register fewer; the port of a loopback URI may differ from the registered one`,
    );
  for (const [index, uri] of value.entries()) {
    const parsed = parseRedirectUri(uri);
    if ('problem' in parsed) throw wrongUri(`${member}[${index}] ${redirectUriWords(parsed.problem)}`);
  }
  return [...new Set(value)];
}

function readName(members: Members): string | undefined {
  const value = members.get('client_name');
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw wrong('client_name must be a string: what people read when they decide');
  if (!isPlainLine(value)) throw wrong('client_name must be one line: leave control and direction characters out');
  if (value.length > maxClientNameCharacters)
    throw wrong(`client_name must have at most ${maxClientNameCharacters} characters: shorten it`);
  return value.trim() === '' ? undefined : value.trim();
}

function readAuthMethod(members: Members): ClientAuthMethod {
  const value = members.get('token_endpoint_auth_method') ?? 'client_secret_basic';
  const method = authMethods.find((known) => known === value);
  if (!method) throw wrong(`token_endpoint_auth_method must be one of ${authMethods.join(', ')}`);
  return method;
}

/** How it proves who it is. Keys mean something for `private_key_jwt` alone, but a private one is refused beside every method: it has been told. */
function readProof(
  members: Members,
  ownGrants: readonly ClientGrant[],
): Pick<ClientMetadata, 'authMethod' | 'jwks' | 'jwksUri' | 'authSigningAlg'> {
  const authMethod = readAuthMethod(members);
  if (authMethod === 'none' && ownGrants.includes('client_credentials'))
    throw wrong('token_endpoint_auth_method none proves nothing, and client_credentials needs a proof: take another method');
  const [jwks, jwksUri] = [members.get('jwks'), members.get('jwks_uri')];
  if (hasSecretKey(jwks)) throw wrong('jwks must have public keys only: make a new key pair, and send its public half');
  if (authMethod !== 'private_key_jwt') return { authMethod };
  const keys = jwks === undefined ? undefined : parseClientKeys(jwks);
  if (keys && jwksUri !== undefined) throw wrong('jwks and jwks_uri must not both be there: leave one of them out');
  if (!keys && jwksUri === undefined)
    throw wrong('token_endpoint_auth_method private_key_jwt needs public keys: send jwks, or an https jwks_uri');
  if (keys && !keys.ok) throw wrong(`jwks: ${keys.reason}`);
  const authSigningAlg = readSigningAlgorithm(members);
  return {
    authMethod,
    ...(keys ? { jwks: keys.value } : { jwksUri: String(jwksUri) }),
    ...(authSigningAlg && { authSigningAlg }),
  };
}

function readSigningAlgorithm(members: Members): AssertionAlgorithm | undefined {
  const value = members.get('token_endpoint_auth_signing_alg');
  if (value === undefined) return undefined;
  const algorithm = assertionAlgorithms.find((known) => known === value);
  if (!algorithm) throw wrong(`token_endpoint_auth_signing_alg must be one of ${assertionAlgorithms.join(', ')}, or left out`);
  return algorithm;
}

/** Absent: both, because a client that names none loses its access every few minutes without a refresh token (MCP-24). */
function readGrants(members: Members, offered: readonly ClientGrant[]): ClientGrant[] {
  const value = members.get('grant_types') ?? grants;
  if (!isListOfTexts(value)) throw wrong('grant_types must be an array of strings');
  const kept = offered.filter((grant) => value.includes(grant));
  if (kept.includes('client_credentials') && !kept.includes('authorization_code'))
    return kept.filter((grant) => grant === 'client_credentials');
  if (!kept.includes('authorization_code'))
    throw wrong('grant_types must contain authorization_code: other grants are not for clients that register themselves');
  return kept;
}

function readResponseTypes(members: Members): void {
  const value = members.get('response_types') ?? ['code'];
  if (!isListOfTexts(value)) throw wrong('response_types must be an array of strings');
  if (!value.includes('code'))
    throw wrong('response_types must contain code, the only one that is offered: send ["code"], or leave it out');
}

/** Says nothing about what is allowed: each redirect URI is judged by itself. */
function readApplicationType(members: Members, redirectUris: readonly string[]): 'native' | 'web' {
  const value = members.get('application_type');
  if (value === 'native' || value === 'web') return value;
  if (value !== undefined && typeof value !== 'string') throw wrong('application_type must be a string: native or web, or left out');
  return redirectUris.every((uri) => kindOf(uri) === 'https') ? 'web' : 'native';
}

function kindOf(uri: string): RedirectKind | undefined {
  const parsed = parseRedirectUri(uri);
  return 'problem' in parsed ? undefined : parsed.kind;
}

const linkMembers = new Set(['client_uri', 'logo_uri', 'policy_uri', 'tos_uri', 'jwks_uri']);

/** Links that people or the issuer may follow are https, in every language variant (`logo_uri#de`) as well. */
function checkLinks(members: Members): void {
  for (const [member, value] of members) {
    const [base = ''] = member.split('#');
    if (linkMembers.has(base) && !isHttpsLink(value)) throw wrong(`${base} must be an https URL: correct it, or leave it out`);
  }
}

function isHttpsLink(value: unknown): boolean {
  if (typeof value !== 'string' || value.length > 2_048 || !/^https:\/\/[\x21-\x7e]+$/.test(value) || !URL.canParse(value)) return false;
  const url = new URL(value);
  return url.username === '' && url.password === '';
}

/** Control characters break logs and headers; direction controls make a name read as another (ABUSE-7). */
function isPlainLine(text: string): boolean {
  return text.isWellFormed() && !/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u.test(text);
}

/** What registers nothing here must still be what RFC 7591 §2 says it is: a client that means something else should know. */
function checkTypes(members: Members): void {
  for (const member of ['scope', 'software_id', 'software_version', 'software_statement']) {
    if (members.has(member) && typeof members.get(member) !== 'string')
      throw wrong(`${member} must be a string: correct it, or leave it out`);
  }
  if (members.has('contacts') && !isListOfTexts(members.get('contacts')))
    throw wrong('contacts must be an array of strings: correct it, or leave it out');
  if (members.has('jwks') && !isRecord(members.get('jwks'))) throw wrong('jwks must be an object, a JWK set: {"keys": […]}');
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isListOfTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((member) => typeof member === 'string');
}

/** Breadth first, so that depth costs no stack. */
function isDeeperThan(value: unknown, depth: number): boolean {
  let level = [value];
  for (let seen = 0; level.length > 0; seen += 1) {
    if (seen > depth) return true;
    level = level.flatMap((member) => (typeof member === 'object' && member !== null ? Object.values(member) : []));
  }
  return false;
}

class MetadataError extends Error {
  readonly problem: ClientMetadataProblem;
  constructor(problem: ClientMetadataProblem) {
    super(problem.reason);
    this.problem = problem;
  }
}

function wrong(reason: string): MetadataError {
  return new MetadataError({ kind: 'metadata', reason });
}

function wrongUri(reason: string): MetadataError {
  return new MetadataError({ kind: 'redirect-uri', reason });
}
