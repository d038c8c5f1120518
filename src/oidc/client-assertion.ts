/**
 * `private_key_jwt` (RFC 7523): the engine compares issuer, subject, signature and times; here stands what it leaves open. Keys are those
 * of the client's registration or of its `jwks_uri`, from the cache that all instances share, and never from the assertion itself.
 */
import { decodeProtectedHeader } from 'jose';
import Provider, { errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { PublicJwk } from '../domain/client-keys.ts';
import { assertionAlgorithms, type ClientMetadata } from '../domain/client-metadata.ts';
import { obtainClientKeys } from '../services/obtain-client-keys.ts';
import type { DocumentProblemReason } from '../services/obtain-document.ts';
import type { Runtime, Tenant } from '../services/runtime.ts';
import { stateOf } from './request-state.ts';
import { paths } from './routes.ts';

/** How far in the future an assertion may end, in seconds. It is used once, at once; and each is remembered until it ends. */
const longestLifeSeconds = 600;

/** Both clocks may be a little off; in seconds. */
export const clockToleranceSeconds = 5;

/** Members that lead to keys of the sender's choice, or change what is signed (RFC 7515 §4.1, §4.1.11, RFC 7797). */
const refusedHeaders = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip'];

/** Types that an assertion may say it is of. */
const types = new Set(['jwt', 'application/jwt', 'client-authentication+jwt', 'application/client-authentication+jwt']);

/** What an assertion must say besides; the engine calls this once the signature is proven. Throws `invalid_client`. */
export function judgeAssertion({ clock }: Pick<Runtime, 'clock'>, { issuer }: Pick<Tenant, 'issuer'>) {
  const ours = new Set<unknown>([issuer, `${issuer}${paths.token}`]);
  return (_ctx: KoaContextWithOIDC, claims: Record<string, unknown>, header: Record<string, unknown>): void => {
    const { aud, exp, jti, sub, iss } = claims;
    const refuse = (detail: string): never => {
      throw new errors.InvalidClientAuth({ detail: `client_assertion: ${detail}` });
    };
    const member = refusedHeaders.find((name) => header[name] !== undefined);
    if (member !== undefined) refuse(`the header must not have ${member}`);
    if (header.typ !== undefined && !(typeof header.typ === 'string' && types.has(header.typ.toLowerCase()))) refuse('the typ is another');
    // Each of several audiences could use it for another one (RFC 7523bis §4).
    if (![aud].flat().every((one) => ours.has(one))) refuse('aud must be the issuer or its token endpoint, and nothing else');
    if (sub !== iss) refuse('iss and sub must be the same');
    const nowSeconds = Math.floor(clock.now().getTime() / 1_000);
    if (typeof exp !== 'number' || exp > nowSeconds + longestLifeSeconds + clockToleranceSeconds)
      refuse(`exp must be at most ${longestLifeSeconds} s ahead`);
    if (typeof jti !== 'string' || jti.length > 512) refuse('jti must be a text of at most 512 characters');
  };
}

/** What an assertion counts for at every endpoint: MCP-41 leaves both in use. The engine would take that of the endpoint as well. */
export function acceptAudiences(provider: Provider): void {
  provider.OIDCContext.prototype.clientJwtAuthExpectedAudience = () => new Set([provider.issuer, provider.urlFor('token')]);
}

/** An artifact that is used by being kept was there already. */
export class AlreadyUsed extends errors.InvalidGrant {}

/**
 * The engine looks whether a proof was used, and keeps it then; of several that come at once one gets through (ENG-2). The others are
 * told what they would be told a moment later. A request that is begun anew is not in its own way.
 */
export function useProofsOnce(provider: Provider): void {
  const { ReplayDetection } = provider;
  const unique = ReplayDetection.unique;
  ReplayDetection.unique = async function uniqueOnce(this: typeof ReplayDetection, ...[iss, jti, exp]: Parameters<typeof unique>) {
    const ctx = Provider.ctx;
    const used = ctx && stateOf(ctx).usedProofs;
    const proof = JSON.stringify([iss, jti]);
    if (used?.has(proof)) return true;
    try {
      // Spelled so that an id and another's longer one never make one text together.
      if (!(await unique.call(this, proof, '', exp))) return false;
    } catch (error) {
      if (error instanceof AlreadyUsed) return false;
      throw error;
    }
    used?.add(proof);
    return true;
  };
}

/** The keys of a client cannot be fetched now, and there is no copy: nothing is wrong with the client or with what it sent. */
export class ClientKeysUnavailable extends Error {
  override readonly name = 'ClientKeysUnavailable';
}

/** A client, as far as its keys are concerned. */
export interface KeyedClient {
  metadata: ClientMetadata;
  /** Whether somebody allowed it something. */
  isReliedOn: boolean;
}

/** Whether this request comes with an assertion, good or bad. */
export function showsAssertion(): boolean {
  return Provider.ctx?.oidc?.params?.client_assertion !== undefined;
}

/**
 * The keys that this request's assertion may be signed with; none where none is shown, so that nothing is fetched for it. Throws
 * `invalid_client` when the client's keys are no good, `ClientKeysUnavailable` when they cannot be fetched now.
 */
export async function findAssertionKeys(
  runtime: Runtime,
  tenant: Tenant,
  { metadata, isReliedOn, caller }: KeyedClient & { /** Groups addresses that belong to one caller. */ caller: string },
): Promise<readonly PublicJwk[]> {
  const assertion = Provider.ctx?.oidc?.params?.client_assertion;
  if (metadata.authMethod !== 'private_key_jwt' || typeof assertion !== 'string') return [];
  if (metadata.jwksUri === undefined) return metadata.jwks ?? [];
  const header = readHeader(assertion);
  if (!header) return [];
  const found = await obtainClientKeys(runtime, tenant, { uri: metadata.jwksUri, kid: header.kid, isReliedOn, caller });
  if (found.ok) return found.value;
  const { reason, detail } = found.problem;
  if (isPassing(reason)) throw new ClientKeysUnavailable(`the keys at ${metadata.jwksUri} cannot be fetched: ${detail}`);
  throw new errors.InvalidClientAuth({ detail: `the keys at jwks_uri are no good: ${detail}` });
}

/** Nothing is fetched for what could not be verified anyhow. */
function readHeader(assertion: string): { kid?: string } | undefined {
  try {
    const { alg, kid } = decodeProtectedHeader(assertion);
    return assertionAlgorithms.some((known) => known === alg) ? { ...(typeof kid === 'string' && { kid }) } : undefined;
  } catch {
    return undefined;
  }
}

/** Trying again later may help. */
function isPassing(reason: DocumentProblemReason): boolean {
  switch (reason) {
    case 'busy':
    case 'no-answer':
    case 'status':
      return true;
    case 'no-public-address':
    case 'redirect':
    case 'too-large':
    case 'not-json':
    case 'unfit':
    case 'gone':
      return false;
  }
}
