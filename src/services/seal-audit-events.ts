/**
 * Seals the audit trail: numbers what was recorded, chains it, and signs. Beside the requests, because a chain that each of them had
 * to extend would be a queue; some moments after them, because only what no transaction under way can still add to is whole.
 */
import { type AuditPosition, type AuditRecord, auditLine, beforeAll, monthOf, spellPosition } from '../domain/audit-record.ts';
import { readSeal, type SealStatement, sealType } from '../domain/audit-seal.ts';
import type { TenantId } from '../domain/ids.ts';
import { isSignedBy, publicKeyOf } from '../platform/derived-signing-key.ts';
import { sha256, sha256Bytes } from '../platform/digest.ts';
import { listTenantsWithAuditKeys } from '../store/audit-keys.ts';
import { addSeals, findSealedUntil, listSealHeads, type SealHead, type StoredSeal, takeSealingTurn } from '../store/audit-seals.ts';
import { findOldestEventAfter, listEventsInOrder } from '../store/audit-trail.ts';
import { type Database, transact } from '../store/client.ts';
import { auditKeysOf, obtainAuditKey } from './audit-keys.ts';
import type { Runtime } from './runtime.ts';

/** How many events are sealed in one transaction at most: requests wait while their lines are hashed, 15 to 20 µs for each. */
export const sealedAtOnce = 500;

type SealingRuntime = Pick<Runtime, 'store' | 'clock' | 'vault' | 'log'>;

/** Seals one batch, of all tenants; returns how many events. Of several instances one does, the others return 0. */
export async function sealAuditEvents(runtime: SealingRuntime, { atMost = sealedAtOnce } = {}): Promise<number> {
  return transact(runtime.store, async (db) => {
    if (!(await takeSealingTurn(db))) return 0;
    const after = (await findSealedUntil(db)) ?? beforeAll;
    const events = await listEventsInOrder(db, { after, limit: atMost });
    const last = events.at(-1);
    if (!last) return 0;
    const until = { tx: last.tx, at: last.at, id: last.id };
    const byTenant = Map.groupBy(events, ({ tenantId }) => tenantId as TenantId);
    const heads = new Map((await listSealHeads(db, [...byTenant.keys()])).map((head) => [head.tenantId, head]));
    const seals: StoredSeal[] = [];
    for (const [tenantId, ofTenant] of byTenant) {
      const runs = Map.groupBy(ofTenant, monthOf);
      const months = [...runs].sort(([a], [b]) => (a < b ? -1 : 1));
      seals.push(...(await extendChain(runtime, db, { tenantId, head: heads.get(tenantId), until, runs: months })));
    }
    await addSeals(db, seals);
    return events.length;
  });
}

/**
 * Signs the end of every chain by the present secret where it is still signed by the previous one, which is then needed no more.
 * Returns how many chains.
 */
export async function renewSeals(runtime: SealingRuntime): Promise<number> {
  return transact(runtime.store, async (db) => {
    if (!(await takeSealingTurn(db))) return 0;
    const until = (await findSealedUntil(db)) ?? beforeAll;
    const seals: StoredSeal[] = [];
    // Those without seals have receipts.
    for (const tenantId of await listTenantsWithAuditKeys(db)) await obtainAuditKey(runtime, db, tenantId);
    for (const head of await listSealHeads(db)) {
      const { tenantId } = head;
      if (readSeal(head.jws)?.kid === auditKeysOf(runtime.vault, tenantId)[0].kid) continue;
      seals.push(...(await extendChain(runtime, db, { tenantId, head, until, runs: [[null, []]] })));
    }
    await addSeals(db, seals);
    return seals.length;
  });
}

/** For how long the oldest event waits for its seal, in seconds; 0 when none does. */
export async function readSealLagSeconds({ store, clock }: Pick<Runtime, 'store' | 'clock'>): Promise<number> {
  const oldest = await findOldestEventAfter(store, (await findSealedUntil(store)) ?? beforeAll);
  return oldest ? Math.max(0, (clock.now().getTime() - oldest.getTime()) / 1_000) : 0;
}

/** Says in the log where each trail ends. */
export async function logTrailEnds({ store, log }: Pick<Runtime, 'store' | 'log'>): Promise<void> {
  for (const { tenantId, number, jws } of await listSealHeads(store)) {
    log.info({ tenantId, seal: number, digest: sha256(jws) }, 'the audit trail ends here');
  }
}

/** What follows on a tenant's newest seal: one seal for each run of events. */
async function extendChain(
  runtime: SealingRuntime,
  db: Database,
  chain: {
    tenantId: TenantId;
    head: SealHead | undefined;
    until: AuditPosition;
    runs: readonly (readonly [string | null, readonly AuditRecord[]])[];
  },
): Promise<StoredSeal[]> {
  const { tenantId, head, until, runs } = chain;
  const at = runtime.clock.now();
  const key = await obtainAuditKey(runtime, db, tenantId);
  let { previous, first, after } = judgeHead(runtime, tenantId, head);
  let number = head?.number ?? 0;
  return runs.map(([month, events]) => {
    number += 1;
    const digests = Buffer.concat(events.map((event) => sha256Bytes(auditLine(event))));
    const statement: SealStatement = {
      ...{ tenant: tenantId, seal: number, previous, month, first, events: events.length, digest: sha256(digests) },
      ...{ after, until: spellPosition(until), sealedAt: at.toISOString() },
    };
    const jws = key.signJws(statement, sealType);
    previous = sha256(jws);
    first += events.length;
    return { tenantId, number, until, jws, digests };
  });
}

/**
 * What a chain goes on with. It goes on only from a seal that one of our own secrets signed: what is appended vouches for all that
 * stands before it. Where somebody put another seal in its place, a chain begins anew, and verification names the place.
 */
function judgeHead(
  runtime: SealingRuntime,
  tenantId: TenantId,
  head: SealHead | undefined,
): Pick<SealStatement, 'previous' | 'first' | 'after'> {
  if (!head) return { previous: null, first: 1, after: spellPosition(beforeAll) };
  const read = readSeal(head.jws);
  const key = auditKeysOf(runtime.vault, tenantId).find(({ kid }) => kid === read?.kid);
  const isOurs = read !== undefined && key !== undefined && isSignedBy(head.jws, publicKeyOf(key.publicJwk));
  const next = { first: read ? read.statement.first + read.statement.events : 1, after: spellPosition(head.until) };
  if (isOurs && read.statement.seal === head.number) return { ...next, previous: sha256(head.jws) };
  runtime.log.error(
    { tenantId, seal: head.number },
    'the last seal of the audit trail is none of ours: a chain begins anew; run "toolgrant audit verify"',
  );
  return { ...next, previous: null };
}
