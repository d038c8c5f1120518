import { AsyncResource } from 'node:async_hooks';
import type { Pool, PoolClient } from 'pg';
import type { OpenPart, StartPart } from './parts.ts';

type Callback = (error: unknown, ...rest: unknown[]) => void;
type Query = (...args: unknown[]) => unknown;

/**
 * Makes each statement of a pool a part of the request that sends it, from when it is sent until its rows are there; one that several
 * requests share, of each of them. The part has the name of the statement, or what it does to which table; its text and its values
 * are in none.
 */
export function tracePool(pool: Pool, startPart: StartPart): void {
  // Whoever gives a connection back calls the next one who waits: that one must go on as part of its own request.
  const connect = pool.connect.bind(pool) as (callback?: Callback) => unknown;
  const inOwnRequest = (callback?: Callback) => connect(callback && AsyncResource.bind(callback));
  pool.connect = inOwnRequest as Pool['connect'];
  const name = createNamer();
  pool.on('connect', (client) => traceClient(client, (statement) => startPart(...describe(name(statement)))));
}

function describe({ summary, operation, table }: StatementName): Parameters<StartPart> {
  const attributes = {
    'db.system.name': 'postgresql',
    'db.query.summary': summary,
    ...(operation !== undefined && { 'db.operation.name': operation }),
    ...(table !== undefined && { 'db.collection.name': table }),
  };
  return [summary, { kind: 'client', attributes }];
}

function traceClient(client: PoolClient, start: (statement: unknown) => OpenPart | undefined): void {
  const query = client.query.bind(client) as Query;
  const traced: Query = (...args) => {
    const part = startForAll(args[0], start);
    if (!part) return query(...args);
    const callback = args.at(-1);
    if (typeof callback === 'function') {
      const ended: Callback = (error, ...rest) => {
        end(part, error);
        (callback as Callback)(error, ...rest);
      };
      return part.run(() => query(...args.slice(0, -1), ended));
    }
    const result = part.run(() => query(...args)) as Promise<unknown>;
    result.then(
      () => end(part),
      (error: unknown) => end(part, error),
    );
    return result;
  };
  client.query = traced as PoolClient['query'];
}

/** A statement that several requests wait for. */
export interface SharedStatement {
  /** Of each of them. */
  sharedBy: readonly AsyncResource[];
}

function startForAll(statement: unknown, start: (statement: unknown) => OpenPart | undefined): OpenPart | undefined {
  const { sharedBy } = (statement ?? {}) as Partial<SharedStatement>;
  if (!sharedBy) return start(statement);
  const parts = sharedBy.flatMap((request) => request.runInAsyncScope(start, undefined, statement) ?? []);
  if (parts.length === 0) return undefined;
  return {
    run: (work) => work(),
    end: (outcome) => {
      for (const part of parts) part.end(outcome);
    },
  };
}

function end(part: OpenPart, error?: unknown): void {
  const { code } = (error ?? {}) as { code?: unknown };
  const isState = typeof code === 'string' && /^[\dA-Z]{5}$/.test(code);
  part.end(error == null ? {} : { error, ...(isState && { attributes: { 'db.response.status_code': code } }) });
}

/** A statement in a few words. */
export interface StatementName {
  summary: string;
  operation?: string;
  table?: string;
}

const maxKnown = 1_000;

/** Texts come with parameters in the place of values, so there are few; which of them were read is remembered. */
function createNamer(): (statement: unknown) => StatementName {
  const known = new Map<string, StatementName>();
  return (statement) => {
    const { text, name } = (typeof statement === 'string' ? { text: statement } : (statement ?? {})) as { text?: unknown; name?: unknown };
    // The store's own names are words; those that were numbered (`s12`) say nothing.
    if (typeof name === 'string' && /^[a-z]+(-[a-z]+)+$/.test(name)) return { summary: name };
    if (typeof text !== 'string') return { summary: 'statement' };
    const named = known.get(text) ?? nameStatement(text);
    if (known.size < maxKnown) known.set(text, named);
    return named;
  };
}

/** What a statement does, to which table: words of SQL and names of the schema, nothing in quotes of a value. */
export function nameStatement(text: string): StatementName {
  const [, operation = ''] = /^\s*(SELECT|INSERT|UPDATE|DELETE|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|SET|WITH)\b/i.exec(text) ?? [];
  if (operation === '') return { summary: 'statement' };
  const upper = operation.toUpperCase();
  const [, table] = /\b(?:FROM|INTO|UPDATE)\s+(?:"?[a-z_]+"?\.)?"?([a-z_]+)"?(?=[\s(;]|$)/i.exec(text) ?? [];
  return table === undefined || upper === 'SET'
    ? { summary: upper, operation: upper }
    : { summary: `${upper} ${table}`, operation: upper, table };
}
