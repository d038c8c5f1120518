import { type ClientMetadata, type ClientMetadataProblem, parseClientMetadata } from '../domain/client-metadata.ts';
import type { ClientId } from '../domain/ids.ts';
import { sha256 } from '../platform/digest.ts';
import { randomToken } from '../platform/random.ts';
import { keepArtifact } from '../store/artifacts.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { createClient, type StoredClient } from '../store/clients.ts';
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
export type Registration = { ok: true; value: RegisteredClient } | { ok: false; problem: ClientMetadataProblem };

/** Registers a client that introduces itself (RFC 7591). Every registration is a client of its own, identical ones too (MCP-33). */
export async function registerClient(runtime: Runtime, tenant: Tenant, request: { body: unknown; origin: Origin }): Promise<Registration> {
  const parsed = parseClientMetadata(request.body);
  if (!parsed.ok) return parsed;
  const { metadata } = parsed;
  const secret = metadata.authMethod === 'none' ? undefined : newClientSecret();
  const managementToken = randomToken();
  const createdAt = runtime.clock.now();
  const client: StoredClient = {
    id: newClientId(),
    kind: 'dynamic',
    metadata,
    demo: false,
    createdAt,
    ...(secret !== undefined && { secretDigest: sha256(secret) }),
  };
  await transact(runtime.store, async (db) => {
    await createClient(db, tenant.id, client);
    const token = { model: managementTokenModel, digest: sha256(managementToken), uid: client.id };
    await keepArtifact(db, tenant.id, { ...token, payload: {}, createdAt });
    await recordAuditEvent(db, tenant.id, {
      ...request.origin,
      type: 'client.registered',
      outcome: 'success',
      at: createdAt,
      clientId: client.id,
      detail: describeMetadata(client.id, metadata),
    });
  });
  return { ok: true, value: { client, managementToken, ...(secret !== undefined && { secret }) } };
}

/** What the audit trail keeps of a client's metadata. */
export function describeMetadata(id: ClientId, metadata: ClientMetadata): Record<string, unknown> {
  const { name, redirectUris, authMethod, grants } = metadata;
  return { client: id, name: name ?? null, redirectUris, authMethod, grants };
}
