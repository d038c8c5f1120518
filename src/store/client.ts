/**
 * The store: the only room with SQL or Prisma. It keeps what services decide and finds it again; it decides nothing.
 * Every function takes the database it works on first (so that callers choose the transaction) and the tenant second.
 */
import { PrismaPg } from '@prisma/adapter-pg';
import type { Pool } from 'pg';
import { type Prisma, PrismaClient } from './generated/client.ts';

/** What store functions work on: the store itself, or a transaction of it. */
export type Database = Prisma.TransactionClient;

/** The store as a whole; it can open transactions. */
export type Store = PrismaClient;

/** Opens the store on a pool that the caller owns and ends. */
export function createStore(pool: Pool): Store {
  const store: Store = new PrismaClient({
    adapter: new PrismaPg(pool, { disposeExternalPool: false, statementNameGenerator: nameStatements() }),
    // For sealing alone, which reads it by itself; nobody wants big integers among the facts of an event.
    omit: { auditEvent: { tx: true } },
  });
  pools.set(store, pool);
  return store;
}

const pools = new WeakMap<Store, Pool>();

/** The pool below a store, for the statements of `store/hot/`, which go around Prisma. */
export function poolOf(store: Store): Pool {
  const pool = pools.get(store);
  if (!pool) throw new Error('the store was not made by createStore');
  return pool;
}

/** How many statements are prepared by name at most: lists in `IN (…)` make a text for each length. */
const maxNamedStatements = 500;

/**
 * Names each text of a statement once, so that a connection parses and plans it once. What comes after the bound stays
 * unnamed; a name never stands for two texts.
 */
function nameStatements(): (query: { sql: string }) => string {
  const names = new Map<string, string>();
  return ({ sql }) => {
    const known = names.get(sql);
    if (known !== undefined) return known;
    if (names.size >= maxNamedStatements) return '';
    const name = `s${names.size}`;
    names.set(sql, name);
    return name;
  };
}

/** How long a transaction waits for a connection, and how long it may take; both in milliseconds. */
const transactionBounds = { maxWait: 5_000, timeout: 15_000 };

/**
 * Runs `work` in one transaction: all of it commits, or none. `timeoutMs`: for what an operator waits for, and what is large.
 * Isolation is READ COMMITTED; whoever reads and then writes on what was read locks the row first.
 */
export function transact<T>(store: Store, work: (db: Database) => Promise<T>, { timeoutMs }: { timeoutMs?: number } = {}): Promise<T> {
  return store.$transaction(work, { ...transactionBounds, ...(timeoutMs !== undefined && { timeout: timeoutMs }) });
}
