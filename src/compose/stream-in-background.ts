import { setTimeout as sleep } from 'node:timers/promises';
import { logFault } from '../platform/logger.ts';
import type { AuditSink } from '../services/audit-sinks.ts';
import type { Runtime } from '../services/runtime.ts';
import { countUndeliveredSeals, type DeliveryTroubles, streamAudit } from '../services/stream-audit.ts';
import type { BackgroundWork } from './sweep-in-background.ts';

/** From the end of one look to the next, unless something arrived. */
const pauseMs = 2_000;
/** After a fault. */
const longestPauseMs = 30_000;

/** Delivers the audit trail to where it is watched, as long as the process lives; each place by itself. Errors are logged; it is tried again. */
export function streamInBackground(runtime: Runtime, sinks: readonly AuditSink[]): BackgroundWork {
  const stopping = new AbortController();
  const { signal } = stopping;
  if (sinks.length === 0) return { stop: async () => undefined };
  const waiting = {
    name: 'toolgrant_audit_undelivered_seals',
    help: 'Seals of the audit trail that were not delivered yet, by where to.',
    label: 'sink',
  };
  runtime.metrics.watch(waiting, async () =>
    Object.fromEntries(await Promise.all(sinks.map(async (sink) => [sink.name, await countUndeliveredSeals(runtime, sink)] as const))),
  );
  const run = async (sink: AuditSink) => {
    const troubles: DeliveryTroubles = new Map();
    let nextPauseMs = pauseMs;
    while (!signal.aborted) {
      const startedAt = performance.now();
      try {
        const arrived = await streamAudit(runtime, sink, { troubles, signal });
        // With a backlog, requests have process and database for as long as the deliveries had them.
        nextPauseMs = arrived === 0 ? pauseMs : performance.now() - startedAt;
      } catch (error) {
        logFault(runtime.log, error, { message: 'delivering the audit trail failed; it is tried again' });
        nextPauseMs = Math.min(Math.max(nextPauseMs, pauseMs) * 2, longestPauseMs);
      }
      await sleep(nextPauseMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  };
  const running = sinks.map(run);
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all(running);
    },
  };
}
