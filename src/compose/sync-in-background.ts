import { setTimeout as sleep } from 'node:timers/promises';
import type { GuardedFetch } from '../platform/guarded-fetch.ts';
import { logFault } from '../platform/logger.ts';
import type { Runtime } from '../services/runtime.ts';
import { type CatalogueSync, syncCatalogue } from '../services/sync-catalogue.ts';
import { takeDueServer } from '../services/take-due-server.ts';
import type { BackgroundWork } from './sweep-in-background.ts';

/** How many servers one process reads at a time: most of it is waiting for them. */
const concurrency = 4;

/** How long nobody looks when nothing was due; a report of a server waits so long at most. */
const defaultPauseMs = 2_000;

/** What was read since the process started. */
export interface ReadingProgress {
  unchanged: number;
  changed: number;
  failed: number;
}

/** Reads the tools of servers when they are due, as long as the process lives and without keeping it alive. */
export function syncInBackground(
  runtime: Runtime,
  { fetch, pauseMs = defaultPauseMs }: { fetch: GuardedFetch; pauseMs?: number },
): BackgroundWork & { readonly progress: Readonly<ReadingProgress> } {
  const stopping = new AbortController();
  const { signal } = stopping;
  const progress: ReadingProgress = { unchanged: 0, changed: 0, failed: 0 };
  const complain = (error: unknown) => {
    if (!signal.aborted) logFault(runtime.log, error, { message: 'reading the tools of a server failed; it is tried again' });
    return undefined;
  };
  const read = async (due: NonNullable<Awaited<ReturnType<typeof takeDueServer>>>) => {
    const { tenant, serverId } = due;
    const sync = await syncCatalogue(runtime, tenant, { serverId, fetch, origin: { actorType: 'issuer' }, signal }).catch(complain);
    if (sync) progress[kindOf(sync)] += 1;
  };
  const readAll = async () => {
    const underWay = new Set<Promise<void>>();
    while (!signal.aborted) {
      const due = await takeDueServer(runtime).catch(complain);
      if (!due) await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
      else {
        const reading: Promise<void> = read(due).finally(() => underWay.delete(reading));
        underWay.add(reading);
      }
      if (underWay.size >= concurrency) await Promise.race(underWay);
    }
    await Promise.all(underWay);
  };
  const running = readAll();
  return {
    progress,
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

function kindOf(sync: CatalogueSync): keyof ReadingProgress {
  if (!sync.ok) return 'failed';
  const { added, changed, removed } = sync.change;
  return added.length + changed.length + removed.length > 0 ? 'changed' : 'unchanged';
}
