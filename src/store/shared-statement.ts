/** Statements that requests share which come at the same time: how they are gathered, and what their rows have in common. */
import type { Pool } from 'pg';
import type { AuditEvent } from '../domain/audit-event.ts';
import { idPrefixes } from '../domain/ids.ts';
import { Batcher } from '../platform/batcher.ts';
import { isRefusal } from '../platform/database-trouble.ts';
import { randomId } from '../platform/random.ts';
import type { SharedStatement } from '../platform/tracing/trace-database.ts';
import { poolOf, type Store } from './client.ts';

const bounds = { maxItems: 8, maxRuns: 2, maxHoldMs: 20 } as const;

/** Runs one statement for several requests, of whichever tenants; the results in their order. */
type RunForAll<Item, Result> = (pool: Pool, items: readonly Item[], shared: SharedStatement) => Promise<readonly Result[]>;

/** Makes what a request calls: its item goes with those of the others at the same store. Nothing of one is in the answer of another. */
export function shareStatement<Item, Result>(run: RunForAll<Item, Result>): (store: Store, item: Item) => Promise<Result> {
  const batchers = new WeakMap<Pool, Batcher<Item, Result>>();
  return (store, item) => {
    const pool = poolOf(store);
    const batcher =
      batchers.get(pool) ??
      new Batcher<Item, Result>({ ...bounds, mayBeOfOne: isRefusal, run: (items, sharedBy) => run(pool, items, { sharedBy }) });
    batchers.set(pool, batcher);
    return batcher.add(item);
  };
}

/** What such a statement is told of an event. */
export type SharedEvent = Pick<AuditEvent, 'actorType' | 'actorId' | 'address' | 'requestId' | 'traceId' | 'detail'>;

/** The columns of an event, with an id of its own, as the statements name them. */
export function eventColumns({ actorType, actorId, address, requestId, traceId, detail }: SharedEvent) {
  return {
    event_id: randomId(idPrefixes.event),
    actor_type: actorType,
    actor_id: actorId,
    address,
    request_id: requestId,
    trace_id: traceId,
    detail: detail ?? {},
  };
}
