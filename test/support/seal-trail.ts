import { setTimeout as sleep } from 'node:timers/promises';
import type { Runtime } from '../../src/services/runtime.ts';
import { sealAuditEvents } from '../../src/services/seal-audit-events.ts';

/**
 * Seals until so many events are sealed. What any transaction under way anywhere on the same PostgreSQL could still come before waits
 * for it, and other tests have some.
 */
export async function sealTrail(
  runtime: Pick<Runtime, 'store' | 'clock' | 'vault' | 'log'>,
  events: number,
  options?: { atMost: number },
): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (let sealed = 0; ; ) {
    sealed += await sealAuditEvents(runtime, options);
    if (sealed > events) throw new Error(`${sealed} events were sealed, where there should have been ${events}`);
    if (sealed === events) return;
    if (performance.now() > deadline) throw new Error(`${sealed} events were sealed of ${events}`);
    await sleep(20);
  }
}
