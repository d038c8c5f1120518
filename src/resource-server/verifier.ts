import { type Access, type AccessSource, createAccess } from './access.ts';
import { invalidToken } from './access-error.ts';
import { ambientFetch, ambientNow, type FetchLike } from './ambient.ts';
import { createAnnouncer } from './announce.ts';
import { looksLikeApiKey } from './api-key-form.ts';
import { createApiKeyReader, refuseApiKeys } from './api-keys.ts';
import { BoundedMap } from './bounded-map.ts';
import { bindRecorder, type CallRecorder, createCallRecorder, noReports, type ReportOptions, type Reports } from './call-recorder.ts';
import { bearerTokenOf, parseServerCredential, type ServerCredential } from './credentials.ts';
import { createDoorkeeper } from './doorkeeper.ts';
import { createIntrospector } from './introspect.ts';
import { createIssuerHttp, type IssuerHttp } from './issuer-http.ts';
import { createKeyFinder } from './issuer-keys.ts';
import { isSafeTransport, keepIssuerMetadata } from './issuer-metadata.ts';
import { createPermissionFinder, type Permissions } from './permissions.ts';
import { resourceMetadataUrlOf } from './protected-resource.ts';
import { createJwtReader } from './read-jwt.ts';
import { createRevocation, refuseRevoked } from './revocation.ts';
import { createSelectionFinder } from './selection.ts';
import { createReportSender } from './send-reports.ts';
import type { StatusReference, TokenFacts } from './token-facts.ts';
import { bindLister, createToolLister } from './tool-lister.ts';

/** A signature that was checked is not checked again for this long; expiry and revocation always are. */
const SEEN_SECONDS = 300;

/** What the issuer said of an API key counts for this long: it has no status list to look into. */
const SEEN_KEY_SECONDS = 10;

/** What {@link createVerifier} is given. */
export interface VerifierOptions {
  /** The issuer's URL, byte for byte as it stands in tokens. https, or http on this machine. */
  readonly issuer: string;
  /** This server's resource URI (RFC 8707), byte for byte as registered. */
  readonly resource: string;
  /** What `server add` printed, as `{ id, secret }` or `"id:secret"`. Adds introspection, API keys, the announcement, and reports. */
  readonly credential?: ServerCredential | string | undefined;
  /** How tool calls and the tools there are are reported to the issuer, which needs a credential; `false`: not at all. */
  readonly reports?: ReportOptions | false;
  /**
   * `before-call` lets a call run only once the issuer has recorded that it is about to; it needs a credential. Default:
   * `after-call`, where no call waits.
   */
  readonly audit?: 'after-call' | 'before-call';
  /** `always` asks the issuer about every token, which needs a credential. Default: `never`. */
  readonly introspection?: 'never' | 'always';
  /** Asymmetric JWS algorithms that are accepted. Default: ES256 and EdDSA. */
  readonly algorithms?: readonly string[];
  /** Default 5. */
  readonly clockToleranceSeconds?: number;
  /** How old a status list may be before it is fetched again. Default 10. */
  readonly statusFreshSeconds?: number;
  /** How old a status list may be while the issuer cannot be reached. Default 300. */
  readonly statusUsableSeconds?: number;
  /** How long one request to the issuer may take. Default 5000. */
  readonly timeoutMs?: number;
  /** How many tokens are kept that were seen more than once. Default 10000. */
  readonly maxSeenTokens?: number;
  readonly fetch?: FetchLike;
  readonly now?: () => Date;
}

/** Checks access tokens and API keys of one issuer for one server. */
export interface Verifier {
  readonly issuer: string;
  readonly resource: string;
  /** Where this server's RFC 9728 document is. */
  readonly resourceMetadataUrl: string;
  /** What becomes of the reports of tool calls. */
  readonly reports: Reports;
  /** Checks an `Authorization` header. Throws an `AccessError`. */
  verify(authorization: string | null | undefined): Promise<Access>;
  /** Checks a bare token. Throws an `AccessError`. */
  verifyToken(token: string): Promise<Access>;
}

interface SeenToken {
  readonly token: string;
  readonly access: Access;
  readonly status: StatusReference | undefined;
  readonly expiresAtSeconds: number;
  /** When the look at it began; from then on it counts, for `keptSeconds`. */
  readonly fromMs: number;
  readonly keptSeconds: number;
}

/**
 * Makes a {@link Verifier}. Nothing is fetched before the first token; then the issuer's metadata,
 * keys and status lists, each kept and refreshed by its age. A token that comes again is kept, and costs no
 * signature check from then on, but its expiry and its status are looked at every time. An API key is asked
 * about (`introspection`), and what the issuer said counts for ten seconds.
 *
 * Throws TypeError for options that cannot be right.
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const { issuer, resource } = options;
  refuseBadOptions(options);

  const now = options.now ?? ambientNow;
  const http = createIssuerHttp(options.fetch ?? ambientFetch, options.timeoutMs ?? 5000);
  const algorithms = options.algorithms ?? ['ES256', 'EdDSA'];
  const clockToleranceSeconds = options.clockToleranceSeconds ?? 5;
  const credential = options.credential === undefined ? undefined : parseServerCredential(options.credential);

  const metadata = keepIssuerMetadata(issuer, http, now);
  const findKey = createKeyFinder(metadata, http, now);
  const findSelection = createSelectionFinder(issuer, http);
  const revocation = createRevocation({
    issuer,
    algorithms,
    clockToleranceSeconds,
    freshSeconds: options.statusFreshSeconds ?? 10,
    usableSeconds: options.statusUsableSeconds ?? 300,
    findKey,
    http,
    now,
  });
  const announce = credential === undefined ? () => {} : createAnnouncer(issuer, credential, { http, now });

  const recorder = credential === undefined || options.reports === false ? undefined : recorderFor(options, { credential, http, now });
  const reports = recorder?.reports ?? noReports;
  const lister = credential === undefined || options.reports === false ? undefined : createToolLister(issuer, credential, { http, now });
  const source: AccessSource = { issuer, resource };
  for (const holder of [reports, source]) {
    if (recorder !== undefined) bindRecorder(holder, recorder);
    if (lister !== undefined) bindLister(holder, lister);
  }

  const introspects = options.introspection === 'always';
  const introspect = credential === undefined ? undefined : createIntrospector({ issuer, resource, credential, metadata, http, now });
  const readApiKey = introspect === undefined ? refuseApiKeys : createApiKeyReader(introspect, now);
  const readToken =
    introspects && introspect !== undefined
      ? introspect
      : createJwtReader({ issuer, resource, algorithms, clockToleranceSeconds, findKey, now });

  const findPermissions = createPermissionFinder();
  const maxSeenTokens = options.maxSeenTokens ?? 10_000;
  const seen = new BoundedMap<string, SeenToken>({ maxWeight: maxSeenTokens });
  const wasShown = createDoorkeeper(maxSeenTokens);

  /** What is known of a token: undefined unless it is this one to the last character, and was checked lately. */
  function recall(token: string): SeenToken | undefined {
    const known = seen.get(seenKeyOf(token));
    if (known === undefined || known.token !== token) return undefined;
    const ageMs = now().getTime() - known.fromMs;
    // A clock that was set back says nothing about an age.
    return ageMs >= 0 && ageMs < known.keptSeconds * 1000 ? known : undefined;
  }

  /** The access of a token whose signature was checked before, if it is good still. */
  function verifySeen({ access, status, expiresAtSeconds }: SeenToken): Access | Promise<Access> {
    announce();
    if (now().getTime() >= (expiresAtSeconds + clockToleranceSeconds) * 1000) throw invalidToken('expired');
    if (status === undefined) return access;
    const list = revocation.peek(status.uri);
    if (list === undefined) return verifyStatus(access, status);
    refuseRevoked(list, status);
    return access;
  }

  async function verifyStatus(access: Access, status: StatusReference): Promise<Access> {
    refuseRevoked(await revocation.getList(status.uri), status);
    return access;
  }

  async function verifyToken(token: string): Promise<Access> {
    const known = recall(token);
    // Awaited, because a promise that is handed on as it is takes two turns more.
    return known === undefined ? await verifyUnseen(token) : verifySeen(known);
  }

  async function verify(authorization: string | null | undefined): Promise<Access> {
    // What follows "Bearer " and is known already was found well-formed then.
    const known = authorization?.startsWith('Bearer ') ? recall(authorization.slice('Bearer '.length)) : undefined;
    return known === undefined ? await verifyUnseen(bearerTokenOf(authorization)) : verifySeen(known);
  }

  async function verifyUnseen(token: string): Promise<Access> {
    announce();
    const isApiKey = looksLikeApiKey(token);
    const fromMs = now().getTime();
    const facts = await (isApiKey ? readApiKey(token) : readToken(token));
    const { status } = facts;
    if (status !== undefined) refuseRevoked(revocation.peek(status.uri) ?? (await revocation.getList(status.uri)), status);
    const permissions = findPermissions(facts.scope);
    const access = createAccess(facts, permissions.parsed.toolsListed ? await addSelected(permissions, facts) : permissions, source);
    const keptSeconds = isApiKey ? SEEN_KEY_SECONDS : SEEN_SECONDS;
    const { expiresAtSeconds } = facts;
    if (!introspects && (isApiKey || wasShown(token))) {
      seen.set(seenKeyOf(token), { token, access, status, expiresAtSeconds, fromMs, keptSeconds });
    }
    return access;
  }

  async function addSelected(permissions: Permissions, { selection }: TokenFacts): Promise<Permissions> {
    if (selection === undefined) throw invalidToken('claims');
    return permissions.withSelected(await findSelection(selection));
  }

  return {
    issuer,
    resource,
    resourceMetadataUrl: resourceMetadataUrlOf(resource),
    reports,
    verify,
    verifyToken,
  };
}

/**
 * What a token is kept under: its end, which is of its signature. Much shorter than the token and as good as unique; the
 * token itself is compared too.
 */
function seenKeyOf(token: string): string {
  return token.slice(-64);
}

function recorderFor(
  { issuer, reports, audit }: VerifierOptions,
  { credential, http, now }: { readonly credential: ServerCredential; readonly http: IssuerHttp; readonly now: () => Date },
): CallRecorder {
  const send = createReportSender(issuer, credential, http);
  return createCallRecorder({ ...(reports || {}), secret: credential.secret, send, isBeforeCall: audit === 'before-call', now });
}

function refuseBadOptions(options: VerifierOptions): void {
  const issuer = parseUrl(options.issuer);
  if (issuer === undefined || !isSafeTransport(issuer) || issuer.search !== '' || issuer.hash !== '') {
    throw new TypeError('`issuer` must be an https URL without query or fragment (http on this machine only).');
  }
  const resource = parseUrl(options.resource);
  if (resource === undefined || !/^https?:$/.test(resource.protocol) || options.resource.includes('#')) {
    throw new TypeError('`resource` must be an absolute http(s) URL without a fragment.');
  }
  // With a symmetric algorithm, anyone who has the public key could sign.
  if (options.algorithms?.some((name) => !/^(?:ES|RS|PS)(?:256|384|512)$|^EdDSA$|^Ed25519$/.test(name))) {
    throw new TypeError('`algorithms` may name asymmetric signature algorithms only.');
  }
  if (options.maxSeenTokens !== undefined && !(options.maxSeenTokens >= 0)) {
    throw new TypeError('`maxSeenTokens` must be a number, 0 or more.');
  }
  if (options.introspection === 'always' && options.credential === undefined) {
    throw new TypeError('`introspection: "always"` needs a `credential`.');
  }
  if (options.audit === 'before-call' && (options.credential === undefined || options.reports === false)) {
    throw new TypeError('`audit: "before-call"` needs a `credential`, and reports.');
  }
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}
