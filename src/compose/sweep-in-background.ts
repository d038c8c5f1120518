import { setTimeout as sleep } from 'node:timers/promises';
import { logFault } from '../platform/logger.ts';
import { keepAuditMonths } from '../services/keep-audit-months.ts';
import { reapClients } from '../services/reap-clients.ts';
import { resumeClientRemovals } from '../services/remove-client.ts';
import { resumeServerRemovals } from '../services/remove-server.ts';
import { rotateDueKeys } from '../services/rotate-keys.ts';
import type { Runtime } from '../services/runtime.ts';
import { resumeConsentSweeps } from '../services/sweep-consents.ts';
import { beginSweep, type SweepProgress, sweepExpired } from '../services/sweep-expired.ts';
import { resumePolicySweeps } from '../services/sweep-policy.ts';

/** Background work that can be ended. */
export interface BackgroundWork {
  /** Starts no more, and waits for what runs. */
  stop(): Promise<void>;
}

/** Sweeping, and what it did since the process started. */
export interface Sweeping extends BackgroundWork {
  readonly progress: Readonly<SweepProgress>;
}

/** From the end of one sweep to the next, unless there was more to do. */
const pauseMs = 60_000;

/** One kind of work goes on for so long; then the others have their turn, however much is left of it. */
const longestTurnMs = 30_000;

/** After each batch the database is left alone for so many times what the batch took: requests have at least four fifths of it. */
const restFactor = 4;

/** Does what is due now and then, as long as the process lives and without keeping it alive. Errors are logged; the next sweep tries again. */
export function sweepInBackground(runtime: Runtime, options: { pauseMs?: number } = {}): Sweeping {
  const stopping = new AbortController();
  const progress = beginSweep();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  const kinds = [
    () => rotateDueKeys(runtime),
    () => resumeConsentSweeps(runtime),
    () => resumeClientRemovals(runtime),
    () => resumeServerRemovals(runtime),
    () => resumePolicySweeps(runtime),
    () => keepAuditMonths(runtime),
    () => sweepExpired(runtime, progress),
    () => reapClients(runtime),
  ];
  const sweep = async () => {
    let isBehind = false;
    for (const doBatch of kinds) {
      try {
        isBehind = (await takeTurn(doBatch, stopping.signal)) || isBehind;
      } catch (error) {
        logFault(runtime.log, error, { message: 'removing expired rows failed; it is tried again' });
      }
    }
    return isBehind;
  };
  const schedule = (delayMs = options.pauseMs ?? pauseMs) => {
    if (stopping.signal.aborted) return;
    timer = setTimeout(() => {
      running = sweep().then((isBehind) => (isBehind ? schedule(0) : schedule()));
    }, delayMs).unref();
  };
  schedule();
  return {
    progress,
    stop: async () => {
      stopping.abort();
      clearTimeout(timer);
      await running;
    },
  };
}

/** Works batch by batch until nothing is left or the turn is over; says whether something is left. */
async function takeTurn(doBatch: () => Promise<number>, signal: AbortSignal): Promise<boolean> {
  const beganAt = performance.now();
  for (let startedAt = beganAt; startedAt < beganAt + longestTurnMs; startedAt = performance.now()) {
    if (signal.aborted || (await doBatch()) === 0) return false;
    await sleep((performance.now() - startedAt) * restFactor, undefined, { signal, ref: false }).catch(() => undefined);
  }
  return true;
}
