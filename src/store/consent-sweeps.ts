/**
 * Consents that are still to be gone through, because what may be done by them changed for many at once. A row is begun in the commit
 * that changes it, moved with each batch, and removed with the last: whoever finds it goes on where the one before stopped.
 */
import type { ClientId, ConsentId, TenantId } from '../domain/ids.ts';
import type { Database } from './client.ts';

/** Whose consents they are: a client's, or without one those of all clients that a tenant's quarantine concerns. */
export interface SweepKey {
  tenantId: TenantId;
  clientId?: ClientId;
}

/** A sweep, and the last consent that was gone through; empty at the beginning. */
export type ConsentSweep = SweepKey & { afterId: string };

const clientOf = ({ clientId }: SweepKey): string => clientId ?? '';

/** Begins a sweep, or one that is under way anew. */
export async function beginConsentSweep(db: Database, key: SweepKey, at: Date): Promise<void> {
  await db.$executeRaw`
    INSERT INTO consent_sweeps (tenant_id, client_id, begun_at) VALUES (${key.tenantId}, ${clientOf(key)}, ${at})
    ON CONFLICT (tenant_id, client_id) DO UPDATE SET after_id = '', begun_at = EXCLUDED.begun_at`;
}

/** Whether a sweep is not done yet. */
export async function hasConsentSweep(db: Database, key: SweepKey): Promise<boolean> {
  const where = { tenantId_clientId: { tenantId: key.tenantId, clientId: clientOf(key) } };
  return (await db.consentSweep.findUnique({ where, select: { tenantId: true } })) !== null;
}

interface SweepRow {
  tenant_id: string;
  client_id: string;
  after_id: string;
}

function toSweep({ tenant_id, client_id, after_id }: SweepRow): ConsentSweep {
  const tenantId = tenant_id as TenantId;
  return { tenantId, afterId: after_id, ...(client_id !== '' && { clientId: client_id as ClientId }) };
}

/** Locks a sweep until the transaction ends; waits for whoever does a batch of it. Undefined when it is done. */
export async function lockConsentSweep(db: Database, key: SweepKey): Promise<ConsentSweep | undefined> {
  const [row] = await db.$queryRaw<SweepRow[]>`
    SELECT tenant_id, client_id, after_id FROM consent_sweeps
    WHERE tenant_id = ${key.tenantId} AND client_id = ${clientOf(key)} FOR UPDATE`;
  return row && toSweep(row);
}

/** Locks the oldest sweep that nobody works at, of any tenant. */
export async function lockOldestConsentSweep(db: Database): Promise<ConsentSweep | undefined> {
  const [row] = await db.$queryRaw<SweepRow[]>`
    SELECT tenant_id, client_id, after_id FROM consent_sweeps ORDER BY begun_at LIMIT 1 FOR UPDATE SKIP LOCKED`;
  return row && toSweep(row);
}

/** Notes how far a sweep came that the caller has locked; undefined: it is done. */
export async function moveConsentSweep(db: Database, key: SweepKey, afterId: ConsentId | undefined): Promise<void> {
  const where = { tenantId_clientId: { tenantId: key.tenantId, clientId: clientOf(key) } };
  if (afterId === undefined) await db.consentSweep.delete({ where });
  else await db.consentSweep.update({ where, data: { afterId } });
}
