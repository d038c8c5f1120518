import { setTimeout as sleep } from 'node:timers/promises';
import type { Runtime } from '../../src/services/runtime.ts';
import { sealAuditEvents } from '../../src/services/seal-audit-events.ts';

/**
 * Waits until all that was recorded can be sealed: it is held back by whatever transaction under way anywhere on the same PostgreSQL could
 * still come before, and other tests have some. What is sealed before then is sealed in more pieces than a test means.
 */
export async function settleTrail({ store }: Pick<Runtime, 'store'>): Promise<void> {
  const isSettled = async () => {
    const [row] = await store.$queryRaw<{ settled: boolean | null }[]>`SELECT bool_and(tx < audit_horizon()) AS settled FROM audit_events`;
    return row?.settled !== false;
  };
  for (const deadline = performance.now() + 30_000; !(await isSettled()); await sleep(20)) {
    if (performance.now() > deadline) throw new Error('a transaction elsewhere does not end');
  }
}

/** Seals all that was recorded, which should be so many events. */
export async function sealTrail(
  runtime: Pick<Runtime, 'store' | 'clock' | 'vault' | 'log'>,
  events: number,
  options?: { atMost: number },
): Promise<void> {
  await settleTrail(runtime);
  const deadline = performance.now() + 30_000;
  for (let sealed = 0; ; ) {
    // None while whoever was killed at it still has its turn.
    sealed += await sealAuditEvents(runtime, options);
    if (sealed > events) throw new Error(`${sealed} events were sealed, where there should have been ${events}`);
    if (sealed === events) return;
    if (performance.now() > deadline) throw new Error(`${sealed} events were sealed of ${events}`);
    await sleep(20);
  }
}
