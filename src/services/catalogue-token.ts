import { importJWK, SignJWT } from 'jose';
import { catalogueScope } from '../domain/catalogue-scope.ts';
import type { ServerId } from '../domain/ids.ts';
import { randomToken } from '../platform/random.ts';
import type { Runtime, Tenant } from './runtime.ts';
import { ensureSigningKeys } from './signing-keys.ts';

/** Long enough for one request. */
const lifetimeSeconds = 60;

/**
 * Makes a token with which the issuer itself reads a server's catalogue: it shows the whole list and calls nothing.
 * It names the server as its subject and the issuer as its client, so no person's and no client's rights hang on it.
 */
export async function issueCatalogueToken(runtime: Runtime, tenant: Tenant, server: { id: ServerId; resource: string }): Promise<string> {
  const { current } = await ensureSigningKeys(runtime, tenant);
  const issuedAt = Math.floor(runtime.clock.now().getTime() / 1_000);
  return new SignJWT({ scope: catalogueScope, client_id: tenant.issuer })
    .setProtectedHeader({ alg: current.algorithm, typ: 'at+jwt', kid: current.kid })
    .setIssuer(tenant.issuer)
    .setAudience(server.resource)
    .setSubject(server.id)
    .setJti(randomToken(16))
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + lifetimeSeconds)
    .sign(await importJWK(current.privateJwk, current.algorithm));
}
