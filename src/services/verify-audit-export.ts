import type { KeyObject } from 'node:crypto';
import type { FoundEvent } from '../domain/audit-differences.ts';
import { type AuditRecord, canonicalLine } from '../domain/audit-record.ts';
import { readSeal } from '../domain/audit-seal.ts';
import { type PublicJwk, publicKeyOf, thumbprintOf } from '../platform/derived-signing-key.ts';
import { sha256Hex } from '../platform/digest.ts';
import { isPublicJwk } from './audit-keys.ts';
import { TrailCheck, type TrailReport } from './check-trail.ts';
import { droppedMonthOf } from './keep-audit-months.ts';

/** An export that was looked at. */
export interface ExportReport {
  /** None where there is no seal: then it is a choice of events, or no export. */
  trails: TrailReport[];
  /** Events behind the last seal, which nothing vouches for. */
  unsealed: number;
  /** The ids of the keys that were gone by, and whether they came with the export itself. */
  keys: { kids: string[]; areOwn: boolean };
  /** Lines that are neither event nor seal nor key. */
  unread: number;
}

/** Somewhere in so many lines there is a seal, or it is no whole export. */
const maxWaiting = 100_000;

/**
 * Compares the lines of an export with the seals in it, without a database. `keys`: those that count, from elsewhere; without them
 * the export's own are gone by, which prove that nothing was changed since somebody with those keys sealed it. Bounded memory.
 */
export async function verifyAuditExport(
  lines: AsyncIterable<string>,
  { keys: given, checkpoints = [] }: { keys?: readonly PublicJwk[]; checkpoints?: readonly string[] } = {},
): Promise<ExportReport> {
  const keys = new Map<string, KeyObject>((given ?? []).map((key) => [thumbprintOf(key), publicKeyOf(key)]));
  const checks = new Map<string, TrailCheck>();
  const unmet = new Map(checkpoints.map((jws) => [jws, readSeal(jws)?.statement]));
  let waiting: { found: FoundEvent[]; drops: string[] } = { found: [], drops: [] };
  let unread = 0;
  for await (const line of lines) {
    if (line.trim() === '') continue;
    const read = readLine(line);
    if (read.kind === 'key') {
      if (!given) keys.set(thumbprintOf(read.key), publicKeyOf(read.key));
    } else if (read.kind === 'seal') {
      const { statement } = readSeal(read.jws) ?? {};
      const tenant = statement?.tenant ?? '';
      const check = checks.get(tenant) ?? new TrailCheck(tenant, { keys, startsAnywhere: true });
      checks.set(tenant, check);
      const look = read.jws === check.report.head?.jws ? check.takeAgain : check.take;
      look.call(check, statement?.seal ?? 0, { jws: read.jws, digests: read.digests }, waiting);
      unmet.delete(read.jws);
      waiting = { found: [], drops: [] };
    } else if (read.kind === 'event') {
      waiting.found.push(read.event);
      if (read.drops !== undefined) waiting.drops.push(read.drops);
      if (waiting.found.length > maxWaiting) break;
    } else unread += 1;
  }
  for (const [, statement] of unmet) {
    const check = statement && checks.get(statement.tenant);
    if (statement && check) check.find({ kind: 'checkpoint-unmet', seal: statement.seal, problem: problemOf(check, statement.seal) });
  }
  return {
    trails: [...checks.values()].map((check) => check.finish()),
    unsealed: waiting.found.length,
    keys: { kids: [...keys.keys()], areOwn: given === undefined },
    unread,
  };
}

function problemOf({ report }: TrailCheck, seal: number): string {
  const end = report.head?.seal ?? 0;
  return end < seal ? `the export ends with seal ${end}` : 'another seal stands in its place, or it begins after it';
}

type ReadLine =
  | { kind: 'event'; event: FoundEvent; drops: string | undefined }
  | { kind: 'seal'; jws: string; digests: Buffer }
  | { kind: 'key'; key: PublicJwk }
  | { kind: 'unread' };

function readLine(line: string): ReadLine {
  const value = parse(line);
  if (!value) return { kind: 'unread' };
  const { jws, digests, key, id } = value;
  if (typeof jws === 'string') return { kind: 'seal', jws, digests: Buffer.from(typeof digests === 'string' ? digests : '', 'base64url') };
  if (key !== undefined) return isPublicJwk(key) ? { kind: 'key', key } : { kind: 'unread' };
  // Whoever keeps exports may have written the same event in another order of members: what it says counts.
  const event = { id: typeof id === 'string' ? id : 'without an id', digest: sha256Hex(canonicalLine(value)) };
  return { kind: 'event', event, drops: droppedMonthOf(value as unknown as AuditRecord) };
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
