import type { TenantId } from '../domain/ids.ts';
import { randomIndex, randomToken } from '../platform/random.ts';
import { listSeals } from '../store/audit-seals.ts';
import { advanceDelivery, countUndelivered, endDelivery, listUndelivered, takeDelivery } from '../store/trail-cursors.ts';
import { listTrustedAuditKeys } from './audit-keys.ts';
import type { AuditSink } from './audit-sinks.ts';
import { keyLine, listSealedLines, sealLine } from './export-audit.ts';
import type { Runtime } from './runtime.ts';

/** How often a tenant's trail could not be delivered in a row, and when it is tried again. */
export type DeliveryTroubles = Map<TenantId, { failures: number; retryAt: number }>;

type StreamRuntime = Pick<Runtime, 'store' | 'clock' | 'vault' | 'log'>;

/** An instance that stands still for longer than this, in milliseconds, has its delivery taken over. More than one request may take. */
const leaseMs = 45_000;
/** Stands for all tenants, where a place takes one delivery at a time. */
const everybody = '*' as TenantId;
/** From one try to the next, in milliseconds: doubled after each that fails. */
const firstPauseMs = 5_000;
const longestPauseMs = 600_000;
const tenantsAtOnce = 20;
const sealsAtOnce = 10;

/**
 * Delivers what was sealed and did not arrive yet, each tenant's in order; returns how many seals arrived. What fails is tried again
 * later, for as long as it takes: nothing is left out, and nothing waits for it. Of several instances, one delivers a tenant's at a
 * time; one that ends in between leaves some of it to arrive twice. With an aborted `signal` it breaks off. Throws for trouble of the
 * database.
 */
export async function streamAudit(
  runtime: StreamRuntime,
  sink: AuditSink,
  { troubles, signal }: { troubles: DeliveryTroubles; signal?: AbortSignal },
): Promise<number> {
  const turn = sink.atOnce === 1 ? { sink: sink.name, tenantId: everybody, lease: randomToken(16), leaseMs } : undefined;
  if (turn && (await takeDelivery(runtime.store, turn)) === undefined) return 0;
  const nowMs = runtime.clock.now().getTime();
  const except = [...troubles].filter(([, { retryAt }]) => retryAt > nowMs).map(([tenantId]) => tenantId);
  let arrived = 0;
  try {
    const waiting = (await listUndelivered(runtime.store, sink.name, { except, limit: tenantsAtOnce })).values();
    const work = async () => {
      for (const tenantId of waiting) {
        if (signal?.aborted || (turn && !(await advanceDelivery(runtime.store, turn, { from: 0, to: 0 })))) return;
        const seals = await deliverTenant(runtime, sink, { tenantId, troubles, signal });
        arrived += seals;
      }
    };
    // None goes on when this has ended.
    for (const one of await Promise.allSettled(Array.from({ length: sink.atOnce }, work))) if (one.status === 'rejected') throw one.reason;
  } finally {
    if (turn) await endDelivery(runtime.store, turn);
  }
  return arrived;
}

/** How many seals wait to arrive. */
export async function countUndeliveredSeals({ store }: Pick<Runtime, 'store'>, { name }: Pick<AuditSink, 'name'>): Promise<number> {
  return countUndelivered(store, name);
}

async function deliverTenant(
  runtime: StreamRuntime,
  sink: AuditSink,
  { tenantId, troubles, signal }: { tenantId: TenantId; troubles: DeliveryTroubles; signal: AbortSignal | undefined },
): Promise<number> {
  const delivery = { sink: sink.name, tenantId, lease: randomToken(16), leaseMs };
  const after = await takeDelivery(runtime.store, delivery);
  if (after === undefined) return 0;
  let last = after;
  const note = async (seal: number) => {
    if (await advanceDelivery(runtime.store, delivery, { from: last, to: seal })) last = seal;
    else throw new TakenOver();
  };
  try {
    const keyLines = (await listTrustedAuditKeys(runtime, tenantId)).map(keyLine);
    for (const seal of await listSeals(runtime.store, tenantId, { after, limit: sealsAtOnce })) {
      if (signal?.aborted) break;
      const eventLines = await listSealedLines(runtime.store, seal);
      const run = { tenantId, seal: seal.number, keyLines, eventLines, sealLine: sealLine(seal) };
      await sink.deliver(run, { clock: runtime.clock, goOn: () => note(last), signal }).catch((cause) => {
        throw cause instanceof TakenOver ? cause : new NotTaken(cause);
      });
      await note(seal.number);
    }
    if (troubles.delete(tenantId)) runtime.log.info({ tenantId, sink: sink.name }, 'the audit trail is delivered again');
  } catch (error) {
    if (error instanceof NotTaken) {
      if (!signal?.aborted) noteTrouble(runtime, { sink, tenantId, error: error.cause, troubles });
    } else if (!(error instanceof TakenOver)) throw error;
  } finally {
    await endDelivery(runtime.store, delivery);
  }
  return last - after;
}

/** The place refuses it, or cannot be reached; trouble of the database is another thing. */
class NotTaken extends Error {
  constructor(cause: unknown) {
    super('not taken', { cause });
  }
}

/** Another instance decides what comes next: this one stood still for too long. */
class TakenOver extends Error {}

function noteTrouble(
  { clock, log }: StreamRuntime,
  { sink, tenantId, error, troubles }: { sink: AuditSink; tenantId: TenantId; error: unknown; troubles: DeliveryTroubles },
): void {
  const { failures } = troubles.get(tenantId) ?? { failures: 0 };
  const pauseMs = Math.min(firstPauseMs * 2 ** failures, longestPauseMs);
  // Not all tenants at the same moment.
  const retryAt = clock.now().getTime() + pauseMs / 2 + randomIndex(pauseMs);
  troubles.set(tenantId, { failures: failures + 1, retryAt });
  const problem = error instanceof Error ? error.message : String(error);
  log.warn({ tenantId, sink: sink.name, failures: failures + 1, problem }, 'the audit trail could not be delivered; it is tried again');
}
