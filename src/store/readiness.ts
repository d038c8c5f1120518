import type { Store } from './client.ts';
import type { Queryable } from './migrate/bookkeeping.ts';

/** Asks the database for an answer. Throws when there is none. */
export async function ping(store: Store): Promise<void> {
  await store.$queryRaw`SELECT 1`;
}

/** How many connections the database takes from the role that asks: its own limit, or what is not kept for superusers. */
export async function readConnectionLimit(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ limit: number }>(`
    SELECT least(
      current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
      (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user)
    ) AS limit`);
  return rows[0]?.limit ?? 0;
}
