/**
 * Whether it matters how many clients have registered: registration and authorization on a database with a hundred of them beside one
 * with as many as asked for, in turns; then refreshes while those that nobody ever allowed anything are removed.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { measureBesideRemoval } from './beside-removal.ts';
import { measureInCalm } from './calm.ts';
import type { Contender } from './contenders/contender.ts';
import { startToolgrant } from './contenders/toolgrant.ts';
import { takeCores } from './cores.ts';
import { type BenchDatabase, startBenchDatabase } from './database.ts';
import type { Lane } from './load.ts';
import { type Measurement, measure, summarize } from './measurement.ts';
import type { BenchOptions } from './options.ts';
import { renderMeasurement } from './report.ts';
import { createScenarios, type Scenario } from './scenarios.ts';
import { openScratch } from './scratch.ts';

const fewClients = 100;
const redirectUri = 'http://127.0.0.1:8976/callback';
const parts = ['registration', 'authorization'] as const;
type Part = (typeof parts)[number];

/** One of the two. */
interface Side {
  clients: number;
  contender: Contender;
  database: BenchDatabase;
  scenarios: Record<Part, Scenario>;
  measured: Record<Part, Measurement[]>;
}

/** Runs both and returns the findings as text. */
export async function measureClients(options: BenchOptions & { rowCount: number }, say: (line: string) => void): Promise<string> {
  const scale = await measureScale(options, say);
  const removal = {
    title: 'clients that were never used',
    rows: options.rowCount,
    table: 'clients',
    fillIn: (client: Client) => fillIn(client, options.rowCount, '60 days'),
    count: countUnused,
  };
  return `${scale}\n${await measureBesideRemoval(options, removal, say)}`;
}

async function measureScale(options: BenchOptions & { rowCount: number }, say: (line: string) => void): Promise<string> {
  const cores = takeCores();
  const { warmUpMs, measuredMs, rounds, connections } = options;
  await using stack = new AsyncDisposableStack();
  const folder = await openScratch(stack);
  const sides: Side[] = [];
  for (const clients of [fewClients, options.rowCount]) {
    say(`filling in ${clients} clients`);
    const place = join(folder, String(clients));
    const database = stack.adopt(await startBenchDatabase(join(place, 'data')), (started) => started.stop());
    const ids = await fillSide(database, clients);
    const workingFolder = join(place, 'toolgrant');
    await mkdir(workingFolder);
    const contender = stack.adopt(await startToolgrant({ database, cores, folder: workingFolder }), (started) => started.stop());
    const { registration } = await createScenarios(contender, connections);
    const scenarios = { registration, authorization: authorizeAny(ids, connections) };
    sides.push({ clients, contender, database, scenarios, measured: { registration: [], authorization: [] } });
  }
  // Registering adds clients to both: it comes last.
  for (const part of parts.toReversed()) {
    for (let round = 0; round < rounds; round += 1) {
      for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
        const lanes = await side.scenarios[part].prepare(0);
        const measurement = await measureInCalm(options.calm, () => measure(side, lanes, { warmUpMs, measuredMs }));
        side.measured[part].push(measurement);
        say(`${part}, ${side.clients} clients: ${renderMeasurement(measurement)}`);
      }
    }
  }
  return render(sides);
}

/** Asks for each of the clients in turn, by people who are not signed in yet. */
function authorizeAny(ids: readonly string[], connections: number): Scenario {
  const requestFor = (clientId: string) => {
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: clientId,
      redirect_uri: redirectUri,
      code_challenge: 'x'.repeat(43),
      code_challenge_method: 'S256',
      resource: 'https://tracker.example/mcp',
    });
    return { method: 'GET' as const, path: `/authorize?${query}` };
  };
  let next = 0;
  const lane = (): Lane => ({ expectedStatus: 303, next: () => requestFor(ids[next++ % ids.length] as string) });
  return { isUsedUp: false, prepare: async () => Array.from({ length: connections }, lane) };
}

async function fillSide(database: BenchDatabase, clients: number): Promise<string[]> {
  const client = new Client({ connectionString: database.ownerUrl });
  await client.connect();
  try {
    await fillIn(client, clients, '0 days');
    await client.query('VACUUM ANALYZE');
    const { rows } = await client.query<{ id: string }>(`SELECT id FROM clients WHERE id LIKE 'cli_%' ORDER BY random() LIMIT 20000`);
    return rows.map(({ id }) => id);
  } finally {
    await client.end();
  }
}

/** Clients that registered themselves so long ago, as the official SDK does, each with its management token. */
async function fillIn(client: Client, count: number, age: string): Promise<void> {
  await client.query(
    `INSERT INTO clients (tenant_id, id, kind, metadata, created_at, reap_after)
     SELECT 'root', 'cli_' || left(md5(n::text), 20), 'dynamic',
       jsonb_build_object('name', 'Agent ' || n, 'redirectUris', jsonb_build_array('${redirectUri}'), 'authMethod', 'none',
         'grants', jsonb_build_array('authorization_code', 'refresh_token'), 'applicationType', 'native', 'postLogoutRedirectUris', '[]'::jsonb),
       now() - $2::interval - n * interval '1 millisecond', now() - $2::interval + interval '1 day' FROM generate_series(1, $1::int) AS n`,
    [count, age],
  );
  await client.query(
    `INSERT INTO artifacts (tenant_id, model, digest, payload, uid, created_at)
     SELECT tenant_id, 'RegistrationAccessToken', md5(id) || left(md5('x' || id), 11), '{}', id, created_at FROM clients`,
  );
}

async function countUnused(client: Client): Promise<number> {
  const { rows } = await client.query(`SELECT count(*) AS n FROM clients WHERE created_at < now() - interval '50 days'`);
  return Number(rows[0].n);
}

function render(sides: readonly Side[]): string {
  const lines = parts.map((part) => {
    const [few, many] = sides.map((side) => summarize(side.measured[part])) as [Measurement, Measurement];
    const cpu = (one: Measurement) => one.serverCpuUs + one.databaseCpuUs;
    const pair = (make: (one: Measurement) => string) => `${make(few)}, ${make(many)}`;
    return (
      `| ${part} | ${pair((one) => String(Math.round(one.perSecond)))} | ${(few.perSecond / many.perSecond).toFixed(2)}× | ` +
      `${pair((one) => one.p50Ms.toFixed(1))} | ${pair((one) => one.p99Ms.toFixed(1))} | ${pair((one) => String(Math.round(cpu(one))))} | ` +
      `${(cpu(many) / cpu(few)).toFixed(2)}× | ${few.failures + many.failures} |`
    );
  });
  return [
    `With ${sides.map(({ clients }) => clients).join(' and ')} registered clients, in turns:`,
    '',
    '| | per second | slower by | p50 ms | p99 ms | CPU µs | costs | failures |',
    '|---|---:|---:|---:|---:|---:|---:|---:|',
    ...lines,
    '',
  ].join('\n');
}
