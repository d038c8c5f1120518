import { type ClientGrant, type ClientMetadataProblem, hasSecret, parseClientMetadata } from '../domain/client-metadata.ts';
import { sha256 } from '../platform/digest.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { createClient, type StoredClient } from '../store/clients.ts';
import { newClientId, newClientSecret } from './client-credentials.ts';
import { describeMetadata } from './register-client.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** What an admin says about a client. */
export interface ClientRequest {
  name: string;
  redirectUris: readonly string[];
  /** One of the methods of `ClientAuthMethod`; anything else is a problem of the outcome. Default `client_secret_basic`. */
  authMethod?: string;
  /** A JWK set, for `private_key_jwt`; or where the client publishes it. */
  jwks?: unknown;
  jwksUri?: string;
  /** Default both. */
  grants?: readonly (ClientGrant | string)[];
  /** Made by `serve --demo`. */
  demo?: boolean;
}

/** A client with its secret, which is told once only; or why not. */
export type ClientCreation = { ok: true; client: StoredClient; secret?: string } | { ok: false; problem: ClientMetadataProblem };

/** Makes a client by hand. Its metadata obeys the rules of those who register themselves, and grants that are not offered are a problem. */
export async function createManualClient(
  runtime: Runtime,
  tenant: Tenant,
  { request, origin }: { request: ClientRequest; origin: Origin },
): Promise<ClientCreation> {
  const parsed = parseClientMetadata({
    client_name: request.name,
    redirect_uris: request.redirectUris,
    token_endpoint_auth_method: request.authMethod,
    grant_types: request.grants,
    jwks: request.jwks,
    jwks_uri: request.jwksUri,
  });
  if (!parsed.ok) return parsed;
  const { metadata } = parsed;
  const unknownGrant = request.grants?.find((grant) => !metadata.grants.some((known) => known === grant));
  if (unknownGrant !== undefined) return { ok: false, problem: { kind: 'metadata', reason: `the grant ${unknownGrant} is not offered` } };
  const secret = hasSecret(metadata.authMethod) ? newClientSecret() : undefined;
  const createdAt = runtime.clock.now();
  const client: StoredClient = {
    id: newClientId(),
    kind: 'manual',
    metadata,
    demo: request.demo ?? false,
    createdAt,
    reapAfter: createdAt,
    ...(secret !== undefined && { secretDigest: sha256(secret) }),
  };
  await transact(runtime.store, async (db) => {
    await createClient(db, tenant.id, client);
    await recordAuditEvent(db, tenant.id, {
      ...origin,
      type: 'client.registered',
      outcome: 'success',
      at: client.createdAt,
      clientId: client.id,
      detail: describeMetadata(client.id, metadata),
    });
  });
  return { ok: true, client, ...(secret !== undefined && { secret }) };
}
