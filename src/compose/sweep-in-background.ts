import { logFault } from '../platform/logger.ts';
import { reapClients } from '../services/reap-clients.ts';
import { rotateDueKeys } from '../services/rotate-keys.ts';
import type { Runtime } from '../services/runtime.ts';
import { sweepExpired } from '../services/sweep-expired.ts';

/** Background work that can be ended. */
export interface BackgroundWork {
  /** Starts no more, and waits for what runs. */
  stop(): Promise<void>;
}

/** From the end of one sweep to the next. */
const pauseMs = 60_000;

/** Batches per sweep and kind; a backlog takes several sweeps, and leaves the database to others in between. */
const maxBatches = 20;

/** Removes what is over, now and then, as long as the process lives and without keeping it alive. Errors are logged; the next sweep tries again. */
export function sweepInBackground(runtime: Runtime, options: { pauseMs?: number } = {}): BackgroundWork {
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  const sweep = async () => {
    for (const removeBatch of [rotateDueKeys, sweepExpired, reapClients]) {
      try {
        for (let batch = 0; batch < maxBatches && !isStopped; batch += 1) if ((await removeBatch(runtime)) === 0) break;
      } catch (error) {
        logFault(runtime.log, error, { message: 'removing expired rows failed; it is tried again' });
      }
    }
  };
  const schedule = () => {
    if (isStopped) return;
    timer = setTimeout(() => {
      running = sweep().finally(schedule);
    }, options.pauseMs ?? pauseMs).unref();
  };
  schedule();
  return {
    stop: async () => {
      isStopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
