import { type ClientId, idPrefixes, type ServerId } from '../domain/ids.ts';
import { isEqualConstantTime, sha256 } from '../platform/digest.ts';
import { findIntrospectionFacts, type IntrospectionFacts } from '../store/hot/introspection.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** What of an access token says whether it still counts; signature, issuer and end were checked before. */
export interface TokenStanding {
  audience: string;
  clientId: string;
  /** Its index in the token status list. */
  status: { list: number; index: number };
}

/**
 * Whether an access token counts now, for the server that asks. Uncached. Only the server that the token is for is told;
 * for every other caller it is as good as unknown (ENG-15). Whatever changed or ended an installation turned its index invalid;
 * a client that is blocked or being removed counts at once, whether that came to each of its installations yet or not.
 */
export async function isTokenActive(
  runtime: Runtime,
  tenant: Tenant,
  question: { serverId: ServerId; token: TokenStanding },
): Promise<boolean> {
  const { serverId, token } = question;
  const facts = await findFacts(runtime, tenant, { serverId, token });
  return facts !== undefined && isActiveBy(facts, token);
}

/**
 * The same, for whoever shows a server's credential: one look at all that it takes. Undefined for an unknown server and a wrong secret
 * alike.
 */
export async function isTokenActiveFor(
  runtime: Runtime,
  tenant: Tenant,
  { id, secret, token }: { id: string; secret: string; token: TokenStanding },
): Promise<boolean | undefined> {
  if (!id.startsWith(idPrefixes.server) || id.length > 64) return undefined;
  const facts = await findFacts(runtime, tenant, { serverId: id as ServerId, token });
  if (!isEqualConstantTime(sha256(secret), facts?.credentialDigest ?? '') || !facts) return undefined;
  return isActiveBy(facts, token);
}

function findFacts({ store }: Runtime, tenant: Tenant, { serverId, token }: { serverId: ServerId; token: TokenStanding }) {
  return findIntrospectionFacts(store, tenant.id, { serverId, clientId: token.clientId as ClientId, status: token.status });
}

function isActiveBy(facts: IntrospectionFacts, token: TokenStanding): boolean {
  return facts.resource === token.audience && !facts.isIndexInvalid && !facts.isClientBlocked;
}
