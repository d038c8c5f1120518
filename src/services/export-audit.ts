import { type AuditPosition, auditLine, beforeAll, canonicalLine, monthOf } from '../domain/audit-record.ts';
import { readSeal } from '../domain/audit-seal.ts';
import { listSealHeads, listSeals, type StoredSeal } from '../store/audit-seals.ts';
import { type AuditFilter, listNewEvents } from '../store/audit-search.ts';
import { listEventsInOrder } from '../store/audit-trail.ts';
import { listTrustedAuditKeys, type TrustedAuditKey } from './audit-keys.ts';
import type { Runtime, Tenant } from './runtime.ts';
import { sealAuditEvents, sealedAtOnce } from './seal-audit-events.ts';

/** Some lines of an export, and up to which seal everything is out with them: where the next export goes on. */
export interface ExportedLines {
  lines: string[];
  seal: number;
}

const eventsAtOnce = 5_000;
const sealsAtOnce = 20;

type ExportRuntime = Pick<Runtime, 'store' | 'clock' | 'vault' | 'log'>;

/**
 * Yields a tenant's trail after the seal with the number `after` (0: from the beginning), in bounded memory: first the public keys,
 * then for each seal its events and the seal itself, a line each. What is recorded and not sealed yet is sealed first. With a filter
 * the lines are events alone, those that are meant: such a selection can be read, and proves nothing.
 */
export async function* exportAudit(
  runtime: ExportRuntime,
  tenant: Pick<Tenant, 'id'>,
  { after, filter }: { after: number; filter?: AuditFilter | undefined },
): AsyncGenerator<ExportedLines> {
  while ((await sealAuditEvents(runtime)) >= sealedAtOnce);
  if (filter) yield* exportSelection(runtime, tenant, { after, filter });
  else yield* exportSeals(runtime, tenant, after);
}

async function* exportSeals(runtime: ExportRuntime, tenant: Pick<Tenant, 'id'>, after: number): AsyncGenerator<ExportedLines> {
  const { store } = runtime;
  const keys = await listTrustedAuditKeys(runtime, tenant.id);
  yield { lines: keys.map(keyLine), seal: after };
  for (let last = after; ; ) {
    const seals = await listSeals(store, tenant.id, { after: last, limit: sealsAtOnce });
    if (seals.length === 0) return;
    for (const seal of seals) yield { lines: [...(await listSealedLines(store, seal)), sealLine(seal)], seal: seal.number };
    last = seals.at(-1)?.number ?? last;
  }
}

/** The line of a public key. */
export function keyLine({ publicJwk }: TrustedAuditKey): string {
  return canonicalLine({ key: publicJwk });
}

/** The line of a seal; what it says stands in its JWS, and beside it for people. */
export function sealLine({ jws, digests }: Pick<StoredSeal, 'jws' | 'digests'>): string {
  return canonicalLine({ digests: Buffer.from(digests).toString('base64url'), jws, says: readSeal(jws)?.statement ?? null });
}

/** The lines of a seal's events, as they are now. */
export async function listSealedLines(store: ExportRuntime['store'], { tenantId, jws, until }: StoredSeal): Promise<string[]> {
  const { after, month } = readSeal(jws)?.statement ?? {};
  // What such a seal was about cannot be said; verification names it.
  if (!after) return [];
  const [tx, at, id] = after;
  const lines: string[] = [];
  for (let place: AuditPosition = { tx, at, id }; ; ) {
    const events = await listEventsInOrder(store, { after: place, until, tenantId, limit: eventsAtOnce });
    for (const event of events) if (monthOf(event) === month) lines.push(auditLine(event));
    const last = events.at(-1);
    if (!last || events.length < eventsAtOnce) return lines;
    place = { tx: last.tx, at: last.at, id: last.id };
  }
}

async function* exportSelection(
  { store }: ExportRuntime,
  tenant: Pick<Tenant, 'id'>,
  { after, filter }: { after: number; filter: AuditFilter },
): AsyncGenerator<ExportedLines> {
  const [head] = await listSealHeads(store, [tenant.id]);
  if (!head) return;
  const [begin] = after === 0 ? [] : await listSeals(store, tenant.id, { after: after - 1, limit: 1 });
  for (let place = begin?.until ?? beforeAll; ; ) {
    const events = await listNewEvents(store, tenant.id, { filter, after: place, until: head.until, limit: eventsAtOnce });
    const isLast = events.length < eventsAtOnce;
    yield { lines: events.map(auditLine), seal: isLast ? head.number : after };
    const last = events.at(-1);
    if (!last || isLast) return;
    place = { tx: last.tx, at: last.at, id: last.id };
  }
}
