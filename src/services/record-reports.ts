import type { ServerId } from '../domain/ids.ts';
import { type DroppedReports, parseDroppedReports, parseToolReport, type ReportProblem, type ToolReport } from '../domain/tool-report.ts';
import { sha256 } from '../platform/digest.ts';
import { keepToolReports, type NamedReport, type ReportFate } from '../store/hot/tool-reports.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** What a server sends, unread. */
export interface ReportBatch {
  serverId: ServerId;
  reports: readonly unknown[];
  dropped?: unknown;
}

/** What became of a batch. */
export interface RecordedReports {
  /** Kept by this batch. */
  accepted: number;
  /** Kept before. */
  known: number;
  /** Not kept, and why; `index` is the place in the batch. */
  refused: readonly (ReportProblem & { index: number })[];
  now: Date;
}

/** Which member a report that cannot be true is refused for, and why. */
const untruths: Readonly<Record<Exclude<ReportFate, 'kept' | 'known'>, ReportProblem>> = {
  consent: { member: 'consent', message: 'must be a consent of this person for this client at your server' },
  machine: {
    member: 'client',
    message: 'must be an API key or a machine client that acts as this subject at your server; for a person’s token send its `consent`',
  },
  tool: { member: 'tool', message: 'must be a tool of your server; one that is not can only be denied' },
};

/**
 * Keeps a server's reports of tool calls: each that can be read and can be true, however many of the others cannot. A server can
 * report for itself only, for people, clients and consents of its tenant. What is kept is committed when this returns.
 */
export async function recordReports(
  runtime: Pick<Runtime, 'store' | 'clock'>,
  tenant: Tenant,
  batch: ReportBatch,
): Promise<RecordedReports> {
  const now = runtime.clock.now();
  const { serverId } = batch;
  const refused: (ReportProblem & { index: number })[] = [];
  const places = new Map<string, number>();
  const reports: NamedReport[] = [];
  let known = 0;
  for (const [index, value] of batch.reports.entries()) {
    const parsed = parseToolReport(value, { now, issuer: tenant.issuer });
    if ('problem' in parsed) {
      refused.push({ index, ...parsed.problem });
      continue;
    }
    const { report } = parsed;
    const eventId = eventIdOf(serverId, report);
    if (places.has(eventId)) {
      known += 1;
      continue;
    }
    places.set(eventId, index);
    reports.push({ eventId, report, detail: detailOf(report) });
  }
  const note = batch.dropped == null ? undefined : parseDroppedReports(batch.dropped, { now });
  if (note && 'problem' in note) refused.push({ index: -1, ...note.problem, member: `dropped.${note.problem.member}` });
  const dropped = note && 'dropped' in note ? { eventId: eventIdOf(serverId, note.dropped), note: note.dropped } : undefined;

  if (reports.length === 0 && !dropped) return { accepted: 0, known, refused, now };
  let accepted = 0;
  const fates = await keepToolReports(runtime.store, { tenantId: tenant.id, serverId }, { reports, ...(dropped && { dropped }) });
  for (const [eventId, fate] of fates) {
    if (fate === 'kept') accepted += 1;
    else if (fate === 'known') known += 1;
    else refused.push({ index: places.get(eventId) ?? -1, ...untruths[fate] });
  }
  return { accepted, known, refused: refused.sort((a, b) => a.index - b.index), now };
}

/**
 * The id of a report's event: the same whenever the report comes, so that it is kept once, and of no other server's. It begins with
 * the instant, so that those of one time lie together in the index.
 */
function eventIdOf(serverId: ServerId, { id, at }: Pick<ToolReport | DroppedReports, 'id' | 'at'>): string {
  return `evt_${at.getTime().toString(36).padStart(9, '0')}${sha256(`${serverId}\n${id}`).slice(0, 22)}`;
}

/** The two events of a call that waited for its record say the same under `begun`. */
function detailOf({ id, outcome, begunBy = outcome === 'begun' ? id : undefined, detail }: ToolReport): Readonly<Record<string, unknown>> {
  return { ...detail, ...(begunBy !== undefined && { begun: begunBy }) };
}
