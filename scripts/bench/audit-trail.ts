/** A large audit trail to be measured: events made by SQL, spread over a year. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Client } from 'pg';
import { type OpenRuntime, openRuntime } from '../../src/compose/open-runtime.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { startBenchDatabase } from './database.ts';
import { openScratch } from './scratch.ts';

/** How many different ones there are. Some are in many more events than others. */
export const [people, clients, servers, tools] = [10_000, 2_000, 50, 200];
const rowsAtOnce = 200_000;
const secret = randomBytes(32).toString('base64url');

/** A trail on a database of its own. */
export interface LargeTrail {
  client: Client;
  /** The settings of commands on it. */
  env: Record<string, string>;
  /** For files; goes in the end. */
  folder: string;
  filledPerSecond: number;
}

/** Makes a trail of so many events, works on it, and removes it. */
export async function withTrail<Result>(
  rows: number,
  say: (line: string) => void,
  work: (trail: LargeTrail) => Promise<Result>,
): Promise<Result> {
  await using stack = new AsyncDisposableStack();
  const folder = await openScratch(stack);
  const database = stack.adopt(await startBenchDatabase(join(folder, 'data')), (started) => started.stop());
  const client = stack.adopt(new Client({ connectionString: database.ownerUrl }), (opened) => opened.end());
  await client.connect();
  say(`filling in ${rows} audit events`);
  const beganAt = performance.now();
  await client.query('SET synchronous_commit = off');
  await withoutIndexes(client, () => fillIn(client, rows));
  const filledPerSecond = rows / ((performance.now() - beganAt) / 1_000);
  await client.query('VACUUM ANALYZE audit_events');
  const env = { DATABASE_URL: database.runtimeUrl, TOOLGRANT_SECRET: secret, TOOLGRANT_ISSUER: 'http://localhost:4000' };
  return await work({ client, env, folder, filledPerSecond });
}

/** Services on the trail, in this process. */
export async function openTrail({ env }: Pick<LargeTrail, 'env'>): Promise<OpenRuntime> {
  const { config, secrets } = loadConfig(env);
  const { keyEncryptionKey } = secrets;
  if (!keyEncryptionKey) throw new Error('no secret');
  const log = createLogger({ level: 'silent' });
  return openRuntime({ config, secrets: { keyEncryptionKey }, databaseUrl: env['DATABASE_URL'] ?? '', log });
}

/** Indexes that are made once over everything take a fraction of the time. */
async function withoutIndexes(client: Client, work: () => Promise<void>): Promise<void> {
  const { rows } = await client.query<{ name: string; definition: string }>(
    `SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
     FROM pg_index WHERE indrelid = 'audit_events'::regclass AND NOT indisprimary`,
  );
  for (const { name } of rows) await client.query(`DROP INDEX ${name}`);
  await work();
  await client.query(`SET maintenance_work_mem = '256MB'`);
  // Of a table in parts, the definition is for the whole of it alone.
  for (const { definition } of rows) await client.query(definition.replace(' ON ONLY ', ' ON '));
}

/** As they come in, month after month: three fifths are calls of tools, three tenths tokens. */
async function fillIn(client: Client, rows: number): Promise<void> {
  const days = 365;
  await client.query(`SELECT make_audit_partition(now() - make_interval(days => d)) FROM generate_series(0, ${days}, 20) AS d`);
  for (let from = 0; from < rows; from += rowsAtOnce) {
    const to = Math.min(from + rowsAtOnce, rows);
    await client.query(
      `INSERT INTO audit_events (tenant_id, id, at, type, assurance, actor_type, actor_id, user_id, client_id, server_id, tool, consent_id,
         consent_version, installation_id, outcome, address, request_id, detail, tx)
       SELECT 'root', 'evt_' || lpad(to_hex(n), 9, '0') || left(md5(n::text), 13), now() - make_interval(secs => ($3 - n)::float8 * ${days} * 86400.0 / $3), type,
         CASE WHEN type LIKE 'tool.%' THEN 'reported' ELSE 'enforced' END, 'client', client, person, client, server,
         CASE WHEN type LIKE 'tool.%' THEN 'tool_' || (power(random(), 3) * ${tools})::int END, 'cns_' || left(md5(person || client), 20), 1,
         'ins_' || left(md5(client || person), 20), CASE WHEN random() < 0.02 THEN 'failure' ELSE 'success' END, '192.0.2.1',
         'req_' || left(md5((-n)::text), 20), jsonb_build_object('durationMs', 12, 'argumentBytes', 64, 'resultBytes', 345), (n * 500.0 / $3)::int
       FROM (SELECT n,
           CASE WHEN n % 1000 = 0 THEN 'consent.changed' WHEN n % 100 = 1 THEN 'user.signed-in' WHEN n % 10 < 3 THEN 'token.issued' ELSE 'tool.called' END AS type,
           'usr_' || left(md5((power(random(), 2) * ${people})::int::text), 20) AS person,
           'cli_' || left(md5((power(random(), 3) * ${clients})::int::text), 20) AS client,
           'srv_' || left(md5((power(random(), 2) * ${servers})::int::text), 20) AS server
         FROM generate_series($1::int, $2::int - 1) AS n) e`,
      [from, to, rows],
    );
  }
}
