/** The product as it is deployed (`toolgrant serve` in a process of its own), on a database that can be harmed, under a load with books. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { openRuntime } from '../../src/compose/open-runtime.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { Books } from './books.ts';
import { runCommand, type Settings, type StartedCommand, settingsFor, startCommand } from './command.ts';
import { query } from './database-holder.ts';
import { type DatabaseProxy, startDatabaseProxy } from './database-proxy.ts';
import { findFreePort } from './free-port.ts';
import { exchange } from './http-exchange.ts';
import { addPerson, addServer } from './issuer.ts';
import { countLiveTokens } from './live-tokens.ts';
import { LoadActor } from './load-actor.ts';
import type { IssuerDoor } from './oauth-client.ts';
import { type RestartableDatabase, startRestartableDatabase } from './restartable-database.ts';
import { startWebhookReceiver, type WebhookReceiver } from './webhook-receiver.ts';

/** How it is set up. */
export interface LoadedIssuerOptions {
  seed: number;
  actors: number;
  /** More settings of the issuer. */
  settings?: Settings;
  /** Whether the issuer's connections to its database go through a proxy, which can harm them. */
  isProxied?: boolean;
  /** Where the database's files go; default: the folder for temporary files. */
  databaseFolder?: string;
}

/** An issuer under load. */
export interface LoadedIssuer {
  books: Books;
  database: RestartableDatabase;
  /** The issuer's way to the database; commands go by another. Throws when the issuer was not to have one. */
  proxy(): DatabaseProxy;
  door: IssuerDoor;
  /** What commands are started with, and the process, unless it is proxied. */
  settings: Settings;
  /** The seeded random source that decides about faults. */
  random: () => number;
  process(): StartedCommand;
  /** Kills the process with -9 and starts another one; resolves when that is ready. */
  killAndStart(): Promise<void>;
  /** Whether `/readyz` says so. Throws when the process ended. */
  isReady(): Promise<boolean>;
  /** Waits until it is ready; throws when that takes two minutes. */
  untilReady(): Promise<void>;
  /** Lets the actors act while `during` runs; resolves when they have come to rest. */
  load(during: () => Promise<void>, options?: { pace?: () => Promise<void> }): Promise<void>;
  /** Compares the audit trail with its seals, as an operator does. */
  verifyTrail(): Promise<void>;
  /** Compares everything with the books, no family having two tokens that live, and the audit trail, sealed to its end, with its seals. */
  check(): Promise<void>;
  /** Faults that the issuer logged as its own (500), with how often. Trouble of the database is none. */
  faults(): Map<string, number>;
  counts(): { live: number; revoked: number };
  stop(): Promise<void>;
}

/** Mulberry32: small, and the same everywhere. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const shortPause = async () => {
  await sleep(5);
};

/** Starts database and issuer, and makes people and a server. */
export async function startLoadedIssuer(options: LoadedIssuerOptions): Promise<LoadedIssuer> {
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'toolgrant-load-'));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  const database = await startRestartableDatabase(options.databaseFolder ?? join(folder, 'data'));
  started.defer(() => database.stop());
  const port = await findFreePort();
  const url = `http://localhost:${port}`;
  const auditFile = join(folder, 'audit.jsonl');
  const receiver = await startWebhookReceiver();
  started.defer(() => receiver.stop());
  const settings: Settings = {
    ...settingsFor(database),
    TOOLGRANT_DATABASE_POOL_SIZE: '8',
    TOOLGRANT_ISSUER: url,
    TOOLGRANT_RATE_LIMITS: 'off',
    TOOLGRANT_LOG_LEVEL: 'warn',
    TOOLGRANT_AUDIT_FILE: auditFile,
    TOOLGRANT_AUDIT_WEBHOOK: receiver.url,
    TOOLGRANT_AUDIT_WEBHOOK_SECRET: receiver.secret,
    ...options.settings,
  };
  const proxy = options.isProxied ? await startDatabaseProxy(database.runtimeUrl) : undefined;
  started.defer(() => proxy?.stop());
  const origin = { port, host: `localhost:${port}` };
  const door: IssuerDoor = { url, origin, send: (request) => exchange(origin, request) };
  let issuer: StartedCommand | undefined;
  const ended: StartedCommand[] = [];
  const isReady = async () => {
    const answer = await door.send({ path: '/readyz' }).catch(() => undefined);
    if (issuer && issuer.process.exitCode !== null) throw new Error(`the issuer ended: ${JSON.stringify(await issuer.ended)}`);
    return answer?.status === 200;
  };
  const untilReady = async () => {
    for (const deadline = performance.now() + patienceMs; !(await isReady()); await sleep(20)) {
      if (performance.now() > deadline) throw new Error(`the issuer is not ready after ${patienceMs / 1_000} s`);
    }
  };
  const start = async () => {
    issuer = startCommand(['serve'], { env: { ...settings, ...(proxy && { DATABASE_URL: proxy.url }) }, cwd: folder });
    await untilReady();
  };
  started.defer(async () => {
    issuer?.process.kill('SIGKILL');
    await issuer?.ended;
  });
  await start();
  const { people, server } = await prepare(settings, options.actors);
  const random = seededRandom(options.seed);
  const books = new Books(seededRandom(options.seed + 1));
  let isLoading = false;
  let take = shortPause;
  const pace = async () => {
    await take();
    return isLoading;
  };
  const actors = people.map((person, place) => {
    const own = seededRandom(options.seed * 1_000 + place);
    return new LoadActor({ door, books, person, server, random: own, pace });
  });
  const kept = started.move();
  return {
    books,
    database,
    proxy() {
      if (!proxy) throw new Error('the issuer was started without a proxy');
      return proxy;
    },
    door,
    settings,
    random,
    process: () => issuer as StartedCommand,
    async killAndStart() {
      issuer?.process.kill('SIGKILL');
      await issuer?.ended;
      if (issuer) ended.push(issuer);
      await start();
    },
    isReady,
    untilReady,
    async load(during, { pace: given = shortPause } = {}) {
      [isLoading, take] = [true, given];
      const acting = Promise.all(actors.map((actor) => actor.run()));
      try {
        await Promise.race([during(), acting.then(() => undefined)]);
      } finally {
        isLoading = false;
        await acting;
      }
    },
    verifyTrail: async () => void (await verifyTrail(settings, books)),
    async check() {
      await untilReady();
      books.compareWith(await readAudit(database.ownerUrl));
      await untilSealed(settings, books);
      await checkDelivery({ ownerUrl: database.ownerUrl, file: auditFile, receiver }, books);
      for (const [grantId, count] of await countLiveTokens(database.ownerUrl))
        if (count > 1) books.accuse(`${count} refresh tokens live in one family: ${grantId}`);
      for (const actor of actors) await actor.check();
    },
    faults: () => countFaults([...ended, ...(issuer ? [issuer] : [])].map((command) => command.out()).join('\n')),
    counts: () =>
      actors.reduce((sum, { counts }) => ({ live: sum.live + counts.live, revoked: sum.revoked + counts.revoked }), {
        live: 0,
        revoked: 0,
      }),
    stop: () => kept.disposeAsync(),
  };
}

/** People and a server, made by the services. */
async function prepare(settings: Settings, count: number) {
  const { config, secrets } = loadConfig(settings);
  const { databaseUrl, keyEncryptionKey } = secrets;
  if (!databaseUrl || !keyEncryptionKey) throw new Error('database and key are among the settings');
  const log = createLogger({ level: 'silent' });
  const opened = await openRuntime({ config, secrets: { keyEncryptionKey }, databaseUrl: databaseUrl.reveal(), log }, 'stored');
  try {
    const server = await addServer(opened.runtime, opened.tenant);
    const people = [];
    for (let place = 0; place < count; place += 1) people.push(await addPerson(opened.runtime, opened.tenant));
    return { people, server };
  } finally {
    await opened.close();
  }
}

/** Returns how many events are not sealed yet. */
async function verifyTrail(settings: Settings, books: Books): Promise<number> {
  const { code, out, err } = await runCommand(['audit', 'verify', '--json'], { env: settings });
  if (code !== 0) books.accuse(`audit verify: ${code} ${out.slice(0, 2_000)} ${err.slice(0, 2_000)}`);
  const reports = code === 0 ? (JSON.parse(out) as { unsealed: number }[]) : [];
  return reports.reduce((sum, report) => sum + report.unsealed, 0);
}

/** Waits until every event is sealed, however often the issuer is at it just then; accuses when it never is. */
async function untilSealed(settings: Settings, books: Books): Promise<void> {
  for (const deadline = performance.now() + patienceMs; ; await sleep(500)) {
    // Exporting seals what is not sealed yet.
    await runCommand(['audit', 'export'], { env: settings, io: { out: () => undefined } });
    const unsealed = await verifyTrail(settings, books);
    if (unsealed === 0 || books.violations.length > 0) return;
    if (performance.now() > deadline) return books.accuse(`audit: ${unsealed} events are not sealed in the end`);
  }
}

/** Longer than a delivery stays with an instance that was killed at it, or than a start takes. */
const patienceMs = 120_000;

/** Waits until all that is sealed was delivered; then file and receiver must have each event, the file proves itself, and the order is right. */
async function checkDelivery(
  { ownerUrl, file, receiver }: { ownerUrl: string; file: string; receiver: WebhookReceiver },
  books: Books,
): Promise<void> {
  const recorded = (await query(ownerUrl, `SELECT id FROM audit_events ORDER BY tx, at, id COLLATE "C"`)).map(({ id }) => String(id));
  const waiting = `SELECT s.tenant_id FROM audit_seals s CROSS JOIN (VALUES ('file'), ('webhook')) k(sink)
    LEFT JOIN trail_cursors c ON c.tenant_id = s.tenant_id AND c.sink = k.sink WHERE s.number > COALESCE(c.seal, 0) LIMIT 1`;
  for (const deadline = performance.now() + patienceMs; (await query(ownerUrl, waiting)).length > 0; await sleep(200)) {
    if (performance.now() > deadline) return books.accuse('audit: the trail was not delivered in the end');
  }
  const written = new Set((await readFile(file, 'utf8')).split('\n').flatMap((line) => /"id":"(evt_[\w-]+)"/.exec(line)?.[1] ?? []));
  const missing = recorded.filter((id) => !written.has(id));
  if (missing.length > 0) books.accuse(`audit: ${missing.length} events are not in the file`);
  const { code, out, err } = await runCommand(['audit', 'verify', '--file', file], { env: {} });
  if (code !== 0) books.accuse(`audit verify --file: ${code} ${out.slice(0, 2_000)} ${err.slice(0, 2_000)}`);
  // What came to be meanwhile was posted, too.
  const posted = receiver.eventsOf('root').slice(0, recorded.length);
  if (posted.join() !== recorded.join())
    books.accuse(`audit: ${posted.length} events were posted, or in another order, of ${recorded.length}`);
  if (!receiver.messages.every(({ isSigned }) => isSigned)) books.accuse('audit: a message was not signed');
}

async function readAudit(url: string): Promise<Map<string, number>> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ type: string; count: number }>(
      'SELECT type, count(*)::int AS count FROM audit_events GROUP BY type',
    );
    return new Map(rows.map(({ type, count }) => [type, count]));
  } finally {
    await client.end();
  }
}

/** Lines of level error or worse, by what they say; a line that a kill cut in two is none. */
function countFaults(log: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of log.split('\n').filter((text) => /"level":"(error|fatal)"/.test(text))) {
    const key = line.replaceAll(/"(time|requestId|clientId)":"[^"]*",?/g, '').slice(0, 2_000);
    found.set(key, (found.get(key) ?? 0) + 1);
  }
  return found;
}
