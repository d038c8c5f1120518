import { type Database, type Store, transact } from './client.ts';

/**
 * The writes of one request, as one transaction that opens at the first of them. Reads before that use the pool; from then on
 * everything runs on the one connection, one after another, because a connection serves one query at a time and a request
 * that waited for a second connection while it holds the first could starve the pool (ENG-4).
 * Ends with `commit` or `rollback`; what is written after that is a transaction of its own.
 */
export class UnitOfWork {
  readonly #store: Store;
  #open: OpenTransaction | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Whether a transaction is under way. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** Runs a read: on the transaction when it is open, else on the pool. */
  read<T>(work: (db: Database) => Promise<T>): Promise<T> {
    return this.#open ? this.#enqueue(work) : work(this.#store);
  }

  /** Runs a write, or a read that must be of the same transaction as the writes. */
  write<T>(work: (db: Database) => Promise<T>): Promise<T> {
    this.#open ??= openTransaction(this.#store);
    return this.#enqueue(work);
  }

  /** Makes the writes last. Throws when that failed: then nothing was written, and the request must not be answered as done. */
  async commit(): Promise<void> {
    await this.#end('commit');
  }

  /** Undoes the writes. */
  async rollback(): Promise<void> {
    await this.#end('rollback');
  }

  async #enqueue<T>(work: (db: Database) => Promise<T>): Promise<T> {
    const open = this.#open;
    const turn = this.#queue.then(async () => {
      if (!open) throw new Error('the unit of work has no transaction');
      return work(await open.db);
    });
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  async #end(decision: Decision): Promise<void> {
    await this.#queue;
    const open = this.#open;
    this.#open = undefined;
    if (!open) return;
    open.decide(decision);
    await open.ended;
  }
}

type Decision = 'commit' | 'rollback';

interface OpenTransaction {
  db: Promise<Database>;
  decide(decision: Decision): void;
  ended: Promise<void>;
}

/** Leaves the transaction's function without its changes. */
class RolledBack extends Error {}

function openTransaction(store: Store): OpenTransaction {
  const database = Promise.withResolvers<Database>();
  const decision = Promise.withResolvers<Decision>();
  const ended = transact(store, async (db) => {
    database.resolve(db);
    if ((await decision.promise) === 'rollback') throw new RolledBack();
  }).catch((error: unknown) => {
    database.reject(error);
    if (!(error instanceof RolledBack)) throw error;
  });
  // Both are awaited later, by those who use them; until then a failure is not "unhandled".
  ended.catch(() => undefined);
  database.promise.catch(() => undefined);
  return { db: database.promise, decide: decision.resolve, ended };
}
