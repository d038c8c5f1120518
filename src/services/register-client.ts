import { type ClientMetadata, type ClientMetadataProblem, hasSecret, parseClientMetadata } from '../domain/client-metadata.ts';
import { neverAllowedSeconds } from '../domain/client-use.ts';
import type { ClientId } from '../domain/ids.ts';
import { sha256 } from '../platform/digest.ts';
import { randomToken } from '../platform/random.ts';
import { keepArtifact } from '../store/artifacts.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { createClient, type StoredClient } from '../store/clients.ts';
import { createRegistration } from '../store/hot/registration.ts';
import { consumeInitialAccessToken, isInitialAccessTokenGood } from '../store/initial-access-tokens.ts';
import { managementTokenModel, newClientId, newClientSecret } from './client-credentials.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** A client with what is told once only. */
export interface RegisteredClient {
  client: StoredClient;
  /** Its secret, when it has one. */
  secret?: string;
  /** What it manages its registration with (RFC 7592). */
  managementToken: string;
}

/** A registration, or why not. */
export type Registration =
  | { ok: true; value: RegisteredClient }
  | { ok: false; problem: ClientMetadataProblem | { kind: 'initial-token-bad' } };

/** A request to register. `initialToken` is the initial access token that came with it. */
export interface RegistrationRequest {
  body: unknown;
  initialToken?: string;
  origin: Origin;
}

/** Why a request may not register anything, whatever it says; undefined when it may. Where no initial access token is needed, one means nothing. */
export async function findRegistrationBar(
  runtime: Runtime,
  tenant: Tenant,
  initialToken: string | undefined,
): Promise<'initial-token-missing' | 'initial-token-bad' | undefined> {
  if (tenant.settings.registration !== 'token') return undefined;
  if (initialToken === undefined) return 'initial-token-missing';
  const isGood = await isInitialAccessTokenGood(runtime.store, tenant.id, sha256(initialToken), runtime.clock.now());
  return isGood ? undefined : 'initial-token-bad';
}

/**
 * Registers a client that introduces itself (RFC 7591) and that nothing bars. Every registration is a client of its own, identical ones
 * too (MCP-33). An initial access token, where one is needed, is used up by what is registered, and by nothing else.
 */
export async function registerClient(runtime: Runtime, tenant: Tenant, request: RegistrationRequest): Promise<Registration> {
  const parsed = parseClientMetadata(request.body);
  if (!parsed.ok) return parsed;
  const { metadata } = parsed;
  const secret = hasSecret(metadata.authMethod) ? newClientSecret() : undefined;
  const managementToken = randomToken();
  const createdAt = runtime.clock.now();
  const client: StoredClient = {
    id: newClientId(),
    kind: 'dynamic',
    metadata,
    demo: false,
    createdAt,
    reapAfter: new Date(createdAt.getTime() + neverAllowedSeconds * 1_000),
    ...(secret !== undefined && { secretDigest: sha256(secret) }),
  };
  const registered: Registration = { ok: true, value: { client, managementToken, ...(secret !== undefined && { secret }) } };
  const token = { model: managementTokenModel, digest: sha256(managementToken) };
  const event = { ...request.origin, detail: describeMetadata(client.id, metadata) };
  if (tenant.settings.registration !== 'token') {
    await createRegistration(runtime.store, tenant.id, { client, managementToken: token, event });
    return registered;
  }
  return transact(runtime.store, async (db): Promise<Registration> => {
    const initialToken = await consumeInitialAccessToken(db, tenant.id, sha256(request.initialToken ?? ''), createdAt);
    // Somebody else was faster with its last use.
    if (initialToken === undefined) return { ok: false, problem: { kind: 'initial-token-bad' } };
    await createClient(db, tenant.id, client);
    await keepArtifact(db, tenant.id, { ...token, uid: client.id, payload: {}, createdAt });
    await recordAuditEvent(db, tenant.id, {
      ...event,
      type: 'client.registered',
      outcome: 'success',
      at: createdAt,
      clientId: client.id,
      detail: { ...event.detail, initialToken },
    });
    return registered;
  });
}

/** What the audit trail keeps of a client's metadata. */
export function describeMetadata(id: ClientId, metadata: ClientMetadata): Record<string, unknown> {
  const { name, redirectUris, authMethod, grants } = metadata;
  return { client: id, name: name ?? null, redirectUris, authMethod, grants };
}
