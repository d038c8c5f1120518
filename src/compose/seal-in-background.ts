import { setTimeout as sleep } from 'node:timers/promises';
import { logFault } from '../platform/logger.ts';
import type { Runtime } from '../services/runtime.ts';
import { logTrailEnds, renewSeals, sealAuditEvents, sealedAtOnce } from '../services/seal-audit-events.ts';
import type { BackgroundWork } from './sweep-in-background.ts';

/** From the end of one look to the next, unless there was a whole batch. */
const pauseMs = 10_000;
/** After a fault. */
const longestPauseMs = 30_000;
/** How often the log says where the trails end: whoever keeps the log can tell later that nothing was cut off. */
const tellEveryMs = 3_600_000;

/** Seals the audit trail as long as the process lives, some moments behind. Errors are logged; it is tried again. */
export function sealInBackground(runtime: Runtime, options: { pauseMs?: number } = {}): BackgroundWork {
  const stopping = new AbortController();
  const { signal } = stopping;
  const usualPauseMs = options.pauseMs ?? pauseMs;
  const run = async () => {
    let nextPauseMs = usualPauseMs;
    let isRenewed = false;
    let tellAt = performance.now();
    while (!signal.aborted) {
      const startedAt = performance.now();
      try {
        if (!isRenewed) await renewSeals(runtime);
        isRenewed = true;
        const isBehind = (await sealAuditEvents(runtime)) >= sealedAtOnce;
        if (startedAt >= tellAt) {
          await logTrailEnds(runtime);
          tellAt = startedAt + tellEveryMs;
        }
        // With a backlog, requests have the database for as long as the batch had it.
        nextPauseMs = isBehind ? performance.now() - startedAt : usualPauseMs;
      } catch (error) {
        logFault(runtime.log, error, { message: 'sealing the audit trail failed; it is tried again' });
        nextPauseMs = Math.min(Math.max(nextPauseMs, usualPauseMs) * 2, longestPauseMs);
      }
      await sleep(nextPauseMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  };
  const running = run();
  return {
    stop: async () => {
      stopping.abort();
      await running;
      // What the last requests left; whoever starts next would do it as well.
      await sealAuditEvents(runtime).catch(() => undefined);
    },
  };
}
