import type { TenantId } from '../domain/ids.ts';
import type { Database } from './client.ts';

/** Where the trail is delivered to. */
export type TrailSink = 'file' | 'webhook';

/** A delivery that one instance makes, and no other meanwhile. */
export interface TrailDelivery {
  sink: TrailSink;
  tenantId: TenantId;
  lease: string;
  /** Counts from each step; then another instance may go on. */
  leaseMs: number;
}

/** Tenants with seals that were not delivered, and that nobody delivers now, those that wait longest first; `except` are left out. */
export async function listUndelivered(
  db: Database,
  sink: TrailSink,
  { except, limit }: { except: readonly TenantId[]; limit: number },
): Promise<TenantId[]> {
  const rows = await db.$queryRaw<{ id: TenantId }[]>`
    SELECT t.id FROM tenants t LEFT JOIN trail_cursors c ON c.sink = ${sink} AND c.tenant_id = t.id
    CROSS JOIN LATERAL (SELECT number FROM audit_seals WHERE tenant_id = t.id ORDER BY number DESC LIMIT 1) s
    WHERE s.number > COALESCE(c.seal, 0) AND (c.lease_until IS NULL OR c.lease_until < now()) AND t.id <> ALL (${[...except]})
    ORDER BY c.tried_at NULLS FIRST, t.id LIMIT ${limit}`;
  return rows.map(({ id }) => id);
}

/** How many seals wait to be delivered, of all tenants. */
export async function countUndelivered(db: Database, sink: TrailSink): Promise<number> {
  const [row] = await db.$queryRaw<{ seals: number }[]>`
    SELECT COALESCE(sum(s.number - COALESCE(c.seal, 0)), 0)::int AS seals
    FROM tenants t LEFT JOIN trail_cursors c ON c.sink = ${sink} AND c.tenant_id = t.id
    CROSS JOIN LATERAL (SELECT number FROM audit_seals WHERE tenant_id = t.id ORDER BY number DESC LIMIT 1) s`;
  return row?.seals ?? 0;
}

/** Begins a delivery; returns the last seal that arrived before, undefined when another instance is at it. */
export async function takeDelivery(db: Database, { sink, tenantId, lease, leaseMs }: TrailDelivery): Promise<number | undefined> {
  const [row] = await db.$queryRaw<{ seal: number }[]>`
    INSERT INTO trail_cursors AS c (sink, tenant_id, lease, lease_until)
    VALUES (${sink}, ${tenantId}, ${lease}, now() + make_interval(secs => ${leaseMs / 1_000}))
    ON CONFLICT (sink, tenant_id) DO UPDATE SET lease = EXCLUDED.lease, lease_until = EXCLUDED.lease_until
      WHERE c.lease_until IS NULL OR c.lease_until < now()
    RETURNING seal`;
  return row?.seal;
}

/** Notes that a seal arrived, or, where `to` is `from`, that the delivery goes on. False when another instance has taken over. */
export async function advanceDelivery(db: Database, delivery: TrailDelivery, { from, to }: { from: number; to: number }): Promise<boolean> {
  const { sink, tenantId, lease, leaseMs } = delivery;
  const changed = await db.$executeRaw`
    UPDATE trail_cursors SET seal = ${to}, lease_until = now() + make_interval(secs => ${leaseMs / 1_000})
    WHERE sink = ${sink} AND tenant_id = ${tenantId} AND lease = ${lease} AND seal = ${from}`;
  return changed === 1;
}

/** Lets others go on. */
export async function endDelivery(db: Database, { sink, tenantId, lease }: TrailDelivery): Promise<void> {
  await db.$executeRaw`
    UPDATE trail_cursors SET lease = NULL, lease_until = NULL, tried_at = now()
    WHERE sink = ${sink} AND tenant_id = ${tenantId} AND lease = ${lease}`;
}
