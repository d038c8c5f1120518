import type { KeyObject } from 'node:crypto';
import type { FoundEvent } from '../domain/audit-differences.ts';
import { type AuditPosition, type AuditRecord, auditLine, beforeAll, monthOf, spellPosition } from '../domain/audit-record.ts';
import { readSeal } from '../domain/audit-seal.ts';
import type { TenantId } from '../domain/ids.ts';
import { publicKeyOf } from '../platform/derived-signing-key.ts';
import { sha256Hex } from '../platform/digest.ts';
import { findSealedUntil, listSeals, listSealsInOrder, type StoredSeal } from '../store/audit-seals.ts';
import { countEventsAfter, listEventsInOrder, listEventsOfTypeAfter } from '../store/audit-trail.ts';
import { listTrustedAuditKeys } from './audit-keys.ts';
import { type PresentEvents, TrailCheck, type TrailReport } from './check-trail.ts';
import { droppedMonthOf } from './keep-audit-months.ts';
import type { Runtime } from './runtime.ts';

/** A trail in the database: beside what was sealed, what is not sealed yet. */
export interface StoredTrailReport extends TrailReport {
  unsealed: number;
}

type VerifyingRuntime = Pick<Runtime, 'store' | 'vault'>;

/** How many seals are read at a time; with their digests they are 17 KB each at most. */
const sealsAtOnce = 50;
const eventsAtOnce = 5_000;

/**
 * Compares the trail of a tenant, or of each, with its seals, in one pass and in bounded memory. Newest last; what is recorded
 * meanwhile is left alone. Seals must be signed by the secret that is given here, or one before it that it vouches for.
 * `checkpoints`: seals that were kept elsewhere; the trail must have them.
 */
export async function verifyAuditTrail(
  runtime: VerifyingRuntime,
  { tenantId, checkpoints = [] }: { tenantId?: TenantId; checkpoints?: readonly string[] } = {},
): Promise<StoredTrailReport[]> {
  const end = (await findSealedUntil(runtime.store)) ?? beforeAll;
  const checks = new Map<string, TrailCheck>();
  const checkOf: CheckOf = async (tenant) => {
    const known = checks.get(tenant) ?? new TrailCheck(tenant, { keys: await readKeys(runtime, tenant), startsAnywhere: false });
    checks.set(tenant, known);
    return known;
  };
  if (tenantId !== undefined) await checkOf(tenantId);
  let after = beforeAll;
  for await (const batch of listBatches(runtime, { tenantId, end })) {
    const { until } = batch[0];
    await checkStretch(runtime, { after, until, seals: batch, tenantId, checkOf });
    after = until;
  }
  // Others go on behind the last seal of one tenant.
  await checkStretch(runtime, { after, until: end, seals: [], tenantId, checkOf });
  const { counts, drops } = await readUnsealed(runtime, { after: end, tenantId });
  for (const tenant of counts.keys()) await checkOf(tenant);
  for (const checkpoint of checkpoints) await meetCheckpoint(runtime, checkpoint, checkOf);
  return [...checks].map(([tenant, check]) => ({ ...check.finish(drops.get(tenant)), unsealed: counts.get(tenant) ?? 0 }));
}

type CheckOf = (tenant: string) => Promise<TrailCheck>;

type Batch = [StoredSeal, ...StoredSeal[]];

/** Seals that tell of the same stretch of the order of all events, stretch by stretch. */
async function* listBatches(
  { store }: VerifyingRuntime,
  { tenantId, end }: { tenantId: TenantId | undefined; end: AuditPosition },
): AsyncGenerator<Batch> {
  let batch: StoredSeal[] = [];
  for (let page = await listSealsInOrder(store, { tenantId, limit: sealsAtOnce }); page.length > 0; ) {
    for (const seal of page) {
      if (isAfter(seal.until, end)) break;
      const [first] = batch;
      if (first && isAfter(seal.until, first.until)) {
        yield batch as Batch;
        batch = [];
      }
      batch.push(seal);
    }
    page = await listSealsInOrder(store, { tenantId, after: page.at(-1), limit: sealsAtOnce });
  }
  if (batch.length > 0) yield batch as Batch;
}

function isAfter(a: AuditPosition, b: AuditPosition): boolean {
  return a.tx !== b.tx ? a.tx > b.tx : a.at !== b.at ? a.at > b.at : a.id > b.id;
}

async function checkStretch(
  { store }: VerifyingRuntime,
  look: {
    after: AuditPosition;
    until: AuditPosition;
    seals: readonly StoredSeal[];
    tenantId: TenantId | undefined;
    checkOf: CheckOf;
  },
): Promise<void> {
  const { until, seals, tenantId, checkOf } = look;
  const present = new Map<string, PresentEvents & { found: FoundEvent[]; drops: string[] }>();
  let { after } = look;
  for (let page: AuditRecord[] = []; ; ) {
    page = await listEventsInOrder(store, { after, until, tenantId, limit: eventsAtOnce });
    for (const event of page) {
      const group = `${event.tenantId} ${monthOf(event)}`;
      const events = present.get(group) ?? { found: [], drops: [] };
      present.set(group, events);
      events.found.push({ id: event.id, digest: sha256Hex(auditLine(event)) });
      const dropped = droppedMonthOf(event);
      if (dropped !== undefined) events.drops.push(dropped);
    }
    const last = page.at(-1);
    if (!last || page.length < eventsAtOnce) break;
    after = { tx: last.tx, at: last.at, id: last.id };
  }
  const unclaimed = new Map(present);
  for (const seal of seals) {
    const { statement } = readSeal(seal.jws) ?? {};
    const group = `${seal.tenantId} ${statement?.month ?? 'none'}`;
    const check = await checkOf(seal.tenantId);
    check.take(seal.number, seal, present.get(group) ?? { found: [], drops: [] });
    if (statement && JSON.stringify(statement.until) !== JSON.stringify(spellPosition(seal.until))) {
      check.find({ kind: 'seal-changed', seal: seal.number, problem: 'it tells of another stretch than its row says' });
    }
    unclaimed.delete(group);
  }
  for (const [group, { found }] of unclaimed) {
    const [tenant = ''] = group.split(' ');
    const check = await checkOf(tenant);
    for (const { id, digest } of found) check.find({ kind: 'event-inserted', seal: check.report.head?.seal ?? 0, id, found: digest });
  }
}

async function readKeys(runtime: VerifyingRuntime, tenant: string): Promise<Map<string, KeyObject>> {
  const keys = await listTrustedAuditKeys(runtime, tenant as TenantId);
  return new Map(keys.map(({ kid, publicJwk }) => [kid, publicKeyOf(publicJwk)]));
}

async function meetCheckpoint({ store }: VerifyingRuntime, jws: string, checkOf: CheckOf): Promise<void> {
  const { tenant, seal } = readSeal(jws)?.statement ?? {};
  if (tenant === undefined || seal === undefined) return;
  const check = await checkOf(tenant);
  const [kept] = await listSeals(store, tenant as TenantId, { after: seal - 1, limit: 1 });
  if (kept?.jws === jws) return;
  const end = check.report.head?.seal ?? 0;
  const problem = end < seal ? `the trail ends with seal ${end}` : 'another seal stands in its place';
  check.find({ kind: 'checkpoint-unmet', seal, problem });
}

async function readUnsealed(
  { store }: VerifyingRuntime,
  range: { after: AuditPosition; tenantId: TenantId | undefined },
): Promise<{ counts: Map<string, number>; drops: Map<string, string[]> }> {
  const counts = new Map((await countEventsAfter(store, range)).map(({ tenantId, events }) => [tenantId as string, events]));
  const drops = new Map<string, string[]>();
  for (const event of await listEventsOfTypeAfter(store, { ...range, type: 'audit.month-dropped' })) {
    const month = droppedMonthOf(event);
    if (month !== undefined) drops.set(event.tenantId, [...(drops.get(event.tenantId) ?? []), month]);
  }
  return { counts, drops };
}
