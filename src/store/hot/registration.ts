/**
 * A client that registers itself, in one statement: the client, the token it manages itself with, and the event. Prepared, around
 * Prisma: by the row `registration` of the bench this is a fifth of the time that the same takes as a transaction of four.
 */
import type { AuditEvent } from '../../domain/audit-event.ts';
import { idPrefixes, type TenantId } from '../../domain/ids.ts';
import { randomId } from '../../platform/random.ts';
import type { NewArtifact } from '../artifacts.ts';
import { poolOf, type Store } from '../client.ts';
import type { NewClient, StoredClient } from '../clients.ts';

/** What a registration adds. */
export interface NewRegistration {
  client: NewClient & Pick<StoredClient, 'reapAfter'>;
  /** What the client will manage its registration with; its other name is the client's id. */
  managementToken: Pick<NewArtifact, 'model' | 'digest'>;
  /** About this client. */
  event: Pick<AuditEvent, 'actorType' | 'actorId' | 'address' | 'requestId' | 'traceId' | 'detail'>;
}

const addRegistration = `
  WITH client AS (
    INSERT INTO clients (tenant_id, id, kind, metadata, secret_digest, demo, created_at, reap_after)
    VALUES ($1, $2, $4, $5, $6, $7, $3, $16)
  ), token AS (
    INSERT INTO artifacts (tenant_id, model, digest, payload, uid, created_at) VALUES ($1, $8, $9, '{}', $2, $3)
  )
  INSERT INTO audit_events (tenant_id, id, at, type, assurance, actor_type, actor_id, client_id, outcome, address, request_id, trace_id, detail)
  VALUES ($1, $10, $3, 'client.registered', 'enforced', $11, $12, $2, 'success', $13, $14, $17, $15)`;

/** Keeps all of it, or throws and keeps nothing. */
export async function createRegistration(store: Store, tenantId: TenantId, registration: NewRegistration): Promise<void> {
  const { client, managementToken, event } = registration;
  const values = [
    ...[tenantId, client.id, client.createdAt],
    ...[client.kind, JSON.stringify(client.metadata), client.secretDigest, client.demo ?? false],
    ...[managementToken.model, managementToken.digest],
    ...[randomId(idPrefixes.event), event.actorType, event.actorId, event.address, event.requestId, JSON.stringify(event.detail ?? {})],
    ...[client.reapAfter, event.traceId],
  ];
  await poolOf(store).query({ name: 'registration', text: addRegistration, values });
}
