import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * An empty folder that goes with the stack. Whoever interrupts a measurement must not find its servers running afterwards: on SIGINT and
 * SIGTERM everything that the stack holds ends, and then the process.
 */
export async function openScratch(stack: AsyncDisposableStack): Promise<string> {
  const interrupt = () => void stack.disposeAsync().then(() => process.exit(130));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, interrupt);
    stack.defer(() => void process.off(signal, interrupt));
  }
  const folder = await mkdtemp(join(tmpdir(), 'toolgrant-bench-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
