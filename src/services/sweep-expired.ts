import { keptApiKeySeconds } from '../domain/api-key.ts';
import { transact } from '../store/client.ts';
import { deleteExpiredRows, type ExpiringTable, findOldestExpiredArtifact, takeCleanUpTurn } from '../store/expired-rows.ts';
import { removeOldApiKeys } from '../store/old-api-keys.ts';
import { type InstallationPlace, retireInstallations } from '../store/quiet-installations.ts';
import { freeIndices } from '../store/status.ts';
import { deleteToolUsesBefore } from '../store/tool-uses.ts';
import type { Runtime } from './runtime.ts';

/** Rows stay this long after their end, so that clocks that differ a little never make a living row vanish. In seconds. */
const keptAfterEndSeconds = 300;

/**
 * The oldest copy of a status list that a resource server may still go by, in seconds: the library's bound for going on
 * without the issuer, with room for slower ones.
 */
const longestAcceptedListAgeSeconds = 3_600;

/** An installation that ended is kept so long, in seconds; what it did is in the audit trail. */
export const keptInstallationSeconds = 90 * 86_400;

/** What agents did is counted by day for so long, in seconds: half a year. Every call is in the audit trail. */
const keptToolUseSeconds = 184 * 86_400;

const expiringTables: readonly ExpiringTable[] = [
  'artifacts',
  'one_time_links',
  'selections',
  'rate_limits',
  'remote_documents',
  'initial_access_tokens',
];

/** How far sweeping came, and what it did since it was begun; kept from batch to batch by the caller. */
export interface SweepProgress {
  /** Rows removed, or for `lapsedInstallations` ended, by what they were. */
  removed: Record<ExpiringTable | 'status_entries' | 'tool_uses' | 'api_keys' | 'installations' | 'lapsedInstallations', number>;
  /** Batches in which another process was sweeping. */
  skipped: number;
  /** The ends up to which rows are gone; forgotten when a sweep has come through, for those that somebody held. */
  from: Partial<Record<ExpiringTable, Date>>;
  installationsAfter?: InstallationPlace | undefined;
}

/** Nothing done yet. */
export function beginSweep(): SweepProgress {
  const removed = {
    artifacts: 0,
    one_time_links: 0,
    selections: 0,
    rate_limits: 0,
    remote_documents: 0,
    initial_access_tokens: 0,
    status_entries: 0,
    tool_uses: 0,
    api_keys: 0,
    installations: 0,
    lapsedInstallations: 0,
  };
  return { removed, skipped: 0, from: {} };
}

/**
 * Removes one batch of what is over, for all tenants; returns how many rows went, so that the caller goes on while there are
 * more. Nothing depends on it: what has expired is refused whether its row is there or not. One process sweeps at a time: the
 * others remove nothing.
 */
export async function sweepExpired(runtime: Runtime, progress: SweepProgress = beginSweep()): Promise<number> {
  const nowMs = runtime.clock.now().getTime();
  const { accessTokenSeconds, refreshTokenIdleSeconds } = runtime.lifetimes;
  const ago = (seconds: number) => new Date(nowMs - seconds * 1_000);
  const from = { ...progress.from };
  const done = await transact(runtime.store, async (db) => {
    if (!(await takeCleanUpTurn(db))) return undefined;
    const expired: Partial<Record<ExpiringTable, number>> = {};
    for (const table of expiringTables) {
      const batch = await deleteExpiredRows(db, table, { expiredBefore: ago(keptAfterEndSeconds), from: from[table] });
      expired[table] = batch.count;
      if (batch.until) from[table] = batch.until;
    }
    const indices = await freeIndices(db, ago(accessTokenSeconds + longestAcceptedListAgeSeconds));
    const installations = await retireInstallations(db, progress.installationsAfter, {
      now: ago(0),
      quietSince: ago(refreshTokenIdleSeconds + accessTokenSeconds + keptAfterEndSeconds),
      endedBefore: ago(keptInstallationSeconds),
    });
    const toolUses = await deleteToolUsesBefore(db, ago(keptToolUseSeconds));
    const apiKeys = await removeOldApiKeys(db, { overSince: ago(keptApiKeySeconds), now: ago(0) });
    return { expired, indices, installations, toolUses, apiKeys };
  });
  if (!done) {
    progress.skipped += 1;
    return 0;
  }
  let gone = done.indices + done.toolUses + done.apiKeys + done.installations.removed + done.installations.lapsed;
  for (const table of expiringTables) {
    const count = done.expired[table] ?? 0;
    progress.removed[table] += count;
    gone += count;
  }
  progress.removed.status_entries += done.indices;
  progress.removed.tool_uses += done.toolUses;
  progress.removed.api_keys += done.apiKeys;
  progress.removed.installations += done.installations.removed;
  progress.removed.lapsedInstallations += done.installations.lapsed;
  progress.installationsAfter = done.installations.next;
  progress.from = gone === 0 ? {} : from;
  return gone;
}

/** How long the oldest row that waits to be removed has been waiting, in seconds; 0 when none does. */
export async function readSweepLagSeconds(runtime: Pick<Runtime, 'store' | 'clock'>): Promise<number> {
  const nowMs = runtime.clock.now().getTime();
  const dueBefore = nowMs - keptAfterEndSeconds * 1_000;
  const oldest = await findOldestExpiredArtifact(runtime.store, new Date(dueBefore));
  return oldest ? (dueBefore - oldest.getTime()) / 1_000 : 0;
}
