import type { Store } from './client.ts';

/** Asks the database for an answer. Throws when there is none. */
export async function ping(store: Store): Promise<void> {
  await store.$queryRaw`SELECT 1`;
}
