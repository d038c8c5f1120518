import { spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { chooseAccount } from '../../src/platform/embedded/account.ts';
import { isAlive, listClusterProcesses, readPostmasterFile, waitUntil } from '../../src/platform/embedded/processes.ts';
import {
  connectOrStartEmbeddedDatabase,
  DataFolderBusy,
  type EmbeddedDatabase,
  EmbeddedDatabaseFailed,
  endAbandonedDatabase,
  startEmbeddedDatabase,
} from '../../src/platform/embedded-database.ts';
import { type DatabaseHolder, type HolderOptions, query, startHolder } from '../support/database-holder.ts';

jest.setTimeout(120_000);

/** The data folder of most tests, each of which leaves it fit for the next: to make one takes the longest. */
let shared: string;
let base: string;
let folder: string;
const holders: DatabaseHolder[] = [];
const databases: EmbeddedDatabase[] = [];

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'toolgrant-faults-'));
  await chmod(base, 0o755); // for the account that root may have to run the database as
  shared = join(base, 'data');
  await (await startEmbeddedDatabase({ folder: shared, purpose: 'command', durable: false })).stop();
});

afterAll(() => rm(base, { recursive: true }));

beforeEach(() => {
  folder = shared;
});

afterEach(async () => {
  for (const database of databases.splice(0)) await database.stop();
  for (const holder of holders.splice(0)) {
    holder.process.kill('SIGKILL');
    await holder.ended;
  }
  await endAbandonedDatabase(folder);
  expect(listClusterProcesses(join(folder, 'database'))).toEqual([]);
});

async function start(options: Partial<Parameters<typeof startEmbeddedDatabase>[0]> = {}): Promise<EmbeddedDatabase> {
  const database = await startEmbeddedDatabase({ folder, purpose: 'issuer', ...options });
  databases.push(database);
  return database;
}

function hold(options: Partial<HolderOptions> = {}): DatabaseHolder {
  const holder = startHolder({ folder, ...options });
  holders.push(holder);
  return holder;
}

const cluster = () => join(folder, 'database');
const postmasterPid = () => readPostmasterFile(cluster())?.pid as number;
/** What a process was started with; undefined where the system does not show it (another account's, or no Linux). */
function readEnvironment(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    return undefined;
  }
}

const modeOf = (path: string) => statSync(path).mode & 0o777;

describe('the embedded database', () => {
  it('starts, keeps its data, and leaves no process behind', async () => {
    folder = await mkdtemp(join(base, 'new-'));
    const first = await start();
    await query(first.ownerUrl, 'DROP TABLE IF EXISTS notes; CREATE TABLE notes (text text)');
    await query(first.ownerUrl, `INSERT INTO notes VALUES ('kept')`);
    const pid = postmasterPid();
    await first.stop();
    await first.stop();
    expect(isAlive(pid)).toBe(false);
    expect(listClusterProcesses(cluster())).toEqual([]);
    const second = await start();
    expect(await query(second.ownerUrl, 'SELECT text FROM notes')).toEqual([{ text: 'kept' }]);
    expect(second.ownerUrl).toBe(first.ownerUrl);
  });

  it('has two roles, neither of them more than it should be, and a superuser nobody can be', async () => {
    const { ownerUrl, runtimeUrl } = await start();
    const roles = `SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles WHERE rolname LIKE 'toolgrant%' ORDER BY 1`;
    const plain = { rolsuper: false, rolcreaterole: false, rolcreatedb: false, rolbypassrls: false };
    expect(await query(runtimeUrl, roles)).toEqual([
      { rolname: 'toolgrant_owner', ...plain },
      { rolname: 'toolgrant_runtime', ...plain },
    ]);
    await expect(query(runtimeUrl, 'CREATE TABLE mine (id int)')).rejects.toMatchObject({ code: '42501' });
    await expect(query(ownerUrl.replace('toolgrant_owner', 'postgres'), 'SELECT 1')).rejects.toMatchObject({ code: '28000' });
    await expect(query(ownerUrl.replace('toolgrant_owner:', 'toolgrant_owner:x'), 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
  });

  it('keeps its files and its socket to itself, and listens nowhere else', async () => {
    const { ownerUrl } = await start();
    // Where it has to run as another account, that one passes through the data folder to its own.
    const outermost = chooseAccount().kind === 'other' ? 0o711 : 0o700;
    expect([folder, cluster(), join(folder, 'run')].map(modeOf)).toEqual([outermost, 0o700, 0o700]);
    const files = ['database-passwords.json', 'database.holder.json', 'database.lock', 'database.log'];
    expect(files.map((name) => modeOf(join(folder, name)))).toEqual([0o600, 0o600, 0o600, 0o600]);
    expect(await query(ownerUrl, 'SHOW listen_addresses')).toEqual([{ listen_addresses: '' }]);
    expect(await query(ownerUrl, 'SHOW fsync')).toEqual([{ fsync: 'on' }]);
  });

  it('ABUSE-74: neither hands our environment to its processes nor logs statements and values', async () => {
    const holder = hold({ env: { TOOLGRANT_SECRET: 'canary-environment' } });
    const { ownerUrl } = await holder.wait('ready');
    const environment = readEnvironment(postmasterPid());
    expect(environment ?? 'TZ=UTC').toContain('TZ=UTC');
    expect(environment ?? '').not.toContain('canary-environment');
    await query(ownerUrl as string, 'CREATE TABLE people (email text PRIMARY KEY)');
    await query(ownerUrl as string, `INSERT INTO people VALUES ('canary-email')`);
    await expect(query(ownerUrl as string, `INSERT INTO people VALUES ('canary-email')`)).rejects.toMatchObject({ code: '23505' });
    const log = readFileSync(join(folder, 'database.log'), 'utf8');
    expect(log).toMatch(/duplicate key/);
    expect(log).not.toContain('canary');
    expect(log).not.toContain((JSON.parse(readFileSync(join(folder, 'database-passwords.json'), 'utf8')) as { owner: string }).owner);
  });

  it.each(['a b, "quoted" \'c\' %41 ü', `${'deep/'.repeat(30)}end`, `${'x'.repeat(120)}`])(
    'works in a folder of any name: %p',
    async (name) => {
      folder = join(base, name);
      await mkdir(dirname(folder), { recursive: true });
      await rename(shared, folder);
      const { runtimeUrl } = await start();
      expect(await query(runtimeUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      const socketFolder = new URL(runtimeUrl).searchParams.get('host') as string;
      expect(modeOf(socketFolder)).toBe(0o700);
      await databases.pop()?.stop();
      expect(existsSync(socketFolder)).toBe(false);
      await rename(folder, shared);
      folder = shared;
    },
  );
});

describe('one process at a time', () => {
  it('tells the second who holds the folder', async () => {
    const holder = hold();
    await holder.wait('ready');
    const failure = await start({ waitMs: 100 }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(DataFolderBusy);
    expect((failure as Error).message).toMatch(
      new RegExp(`in use by process ${holder.process.pid} on .* \\(issuer, since .*TOOLGRANT_DATA_DIR`),
    );
  });

  it('lets a start wait until the other is done', async () => {
    const holder = hold({ purpose: 'command' });
    await holder.wait('ready');
    const waiting = start({ waitMs: 20_000 });
    holder.tell('stop');
    expect(await query((await waiting).runtimeUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('gives a new folder to exactly one of several that race for it', async () => {
    folder = await mkdtemp(join(base, 'new-'));
    const racers = Array.from({ length: 4 }, () => hold({ waitMs: 0 }));
    const results = await Promise.all(racers.map((racer) => Promise.race([racer.wait('ready'), racer.wait('failed')])));
    expect(results.map(({ event, name }) => name ?? event).sort()).toEqual(['DataFolderBusy', 'DataFolderBusy', 'DataFolderBusy', 'ready']);
  });

  it('refuses a second start in the same process too', async () => {
    await start();
    await expect(start({ waitMs: 0 })).rejects.toBeInstanceOf(DataFolderBusy);
    const beside = await connectOrStartEmbeddedDatabase({ folder, purpose: 'command' });
    expect(await query(beside.runtimeUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await expect(start({ waitMs: 0 })).rejects.toBeInstanceOf(DataFolderBusy);
  });

  it('a command beside an issuer uses its database and leaves it running', async () => {
    const holder = hold();
    const { ownerUrl } = await holder.wait('ready');
    const command = await connectOrStartEmbeddedDatabase({ folder, purpose: 'command' });
    expect(command.ownerUrl).toBe(ownerUrl);
    await command.stop();
    expect(await query(command.runtimeUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('a command that comes while an issuer starts waits for its database', async () => {
    folder = await mkdtemp(join(base, 'new-'));
    const holder = hold();
    await waitUntil(() => existsSync(join(folder, 'database.holder.json')), 20_000);
    const command = await connectOrStartEmbeddedDatabase({ folder, purpose: 'command', waitMs: 20_000 });
    databases.push(command);
    expect(await query(command.runtimeUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect((await holder.wait('ready')).runtimeUrl).toBe(command.runtimeUrl);
  });

  it('a command alone starts the database and stops it; the next waits for it rather than use what will be stopped', async () => {
    const first = await connectOrStartEmbeddedDatabase({ folder, purpose: 'command' });
    const pid = postmasterPid();
    const waiting = connectOrStartEmbeddedDatabase({ folder, purpose: 'command', waitMs: 20_000 });
    expect(await query(first.runtimeUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await first.stop();
    expect(isAlive(pid)).toBe(false);
    const second = await waiting;
    databases.push(second);
    expect(postmasterPid()).not.toBe(pid);
    expect(await query(second.runtimeUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('what a crash leaves behind', () => {
  it('ABUSE-81: the issuer is killed: the next start ends its server and has everything that was committed', async () => {
    const holder = hold();
    const { ownerUrl } = await holder.wait('ready');
    await query(ownerUrl as string, 'DROP TABLE IF EXISTS notes; CREATE TABLE notes (text text)');
    await query(ownerUrl as string, `INSERT INTO notes VALUES ('acknowledged')`);
    const orphan = postmasterPid();
    holder.process.kill('SIGKILL');
    await holder.ended;
    expect(isAlive(orphan)).toBe(true);
    const next = await start({ waitMs: 0 });
    expect(isAlive(orphan)).toBe(false);
    expect(await query(next.ownerUrl, 'SELECT text FROM notes')).toEqual([{ text: 'acknowledged' }]);
  });

  it('ABUSE-81: issuer and server are killed together: the next start recovers', async () => {
    const holder = hold();
    const { ownerUrl } = await holder.wait('ready');
    await query(ownerUrl as string, `DROP TABLE IF EXISTS notes; CREATE TABLE notes AS SELECT 'acknowledged' AS text`);
    process.kill(postmasterPid(), 'SIGKILL');
    holder.process.kill('SIGKILL');
    await holder.ended;
    const next = await start({ waitMs: 0 });
    expect(await query(next.ownerUrl, 'SELECT text FROM notes')).toEqual([{ text: 'acknowledged' }]);
  });

  it('ABUSE-80: the server is killed under a running issuer: it is started again, at the same place', async () => {
    const holder = hold();
    const { ownerUrl } = await holder.wait('ready');
    await query(ownerUrl as string, `DROP TABLE IF EXISTS notes; CREATE TABLE notes AS SELECT 'acknowledged' AS text`);
    const killed = postmasterPid();
    process.kill(killed, 'SIGKILL');
    expect((await holder.wait('notice')).text).toMatch(/ended by itself/);
    await waitUntil(() => readPostmasterFile(cluster())?.isReady === true && postmasterPid() !== killed, 20_000);
    expect(await query(ownerUrl as string, 'SELECT text FROM notes')).toEqual([{ text: 'acknowledged' }]);
    holder.tell('stop');
    expect(await holder.ended).toBe(0);
    expect(listClusterProcesses(cluster())).toEqual([]);
  });

  it('a stop that comes while the server is being started again still leaves nothing running', async () => {
    const holder = hold();
    await holder.wait('ready');
    process.kill(postmasterPid(), 'SIGKILL');
    await holder.wait('notice');
    holder.tell('stop');
    expect(await holder.ended).toBe(0);
    expect(listClusterProcesses(cluster())).toEqual([]);
  });

  it('a stop after the server was killed ends those of its backends, too, that do not notice', async () => {
    const holder = hold();
    await holder.wait('ready');
    const killed = postmasterPid();
    const backend = listClusterProcesses(cluster()).find((pid) => pid !== killed) as number;
    process.kill(backend, 'SIGSTOP');
    process.kill(killed, 'SIGKILL');
    await holder.wait('notice');
    holder.tell('stop');
    expect(await holder.ended).toBe(0);
    expect(listClusterProcesses(cluster())).toEqual([]);
  });

  it('a process that ends by a fault takes its server along', async () => {
    const holder = hold();
    await holder.wait('ready');
    const pid = postmasterPid();
    holder.tell('fault');
    expect(await holder.ended).not.toBe(0);
    expect(await waitUntil(() => !isAlive(pid), 10_000)).toBe(true);
  });

  it('Ctrl-C in a terminal reaches the issuer, which is to drain, and not its server', async () => {
    const holder = hold();
    const { runtimeUrl } = await holder.wait('ready');
    process.kill(-(holder.process.pid as number), 'SIGINT');
    await holder.wait('interrupted');
    expect(await query(runtimeUrl as string, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(holder.events.filter(({ event }) => event === 'notice')).toEqual([]);
  });

  it('killed at any moment of its first start, the next one works', async () => {
    for (const delayMs of [100, 200, 300, 400, 600]) {
      folder = await mkdtemp(join(base, 'new-'));
      const holder = hold();
      setTimeout(() => holder.process.kill('SIGKILL'), delayMs);
      await holder.ended;
      const { runtimeUrl, stop } = await start({ waitMs: 0, durable: false });
      expect(await query(runtimeUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      await stop();
    }
  });

  it('stale files that name a process which lives and has nothing to do with it mean nothing', async () => {
    const stranger = spawn('sleep', ['60']);
    const pidFile = [stranger.pid, cluster(), 1, 5432, join(folder, 'run'), '', 0, 'ready'].join('\n');
    await writeFile(join(cluster(), 'postmaster.pid'), `${pidFile}\n`);
    await writeFile(join(folder, 'database.holder.json'), JSON.stringify({ pid: stranger.pid, host: 'h', purpose: 'issuer', since: 's' }));
    await mkdir(join(folder, 'run'), { recursive: true });
    await writeFile(join(folder, 'run', '.s.PGSQL.5432.lock'), `${pidFile}\n`);
    const { runtimeUrl } = await start({ waitMs: 0 });
    expect(await query(runtimeUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
    stranger.kill();
  });

  it('lost or broken passwords are made anew', async () => {
    const first = await start();
    await first.stop();
    for (const damage of [undefined, '{"owner":', '{"owner":"short"}']) {
      await rm(join(folder, 'database-passwords.json'));
      if (damage !== undefined) await writeFile(join(folder, 'database-passwords.json'), damage);
      const next = await start();
      expect(next.ownerUrl).not.toBe(first.ownerUrl);
      expect([await query(next.ownerUrl, 'SELECT 1 AS one'), await query(next.runtimeUrl, 'SELECT 1 AS one')]).toEqual([
        [{ one: 1 }],
        [{ one: 1 }],
      ]);
      await next.stop();
    }
  });
});

describe('a database that cannot start', () => {
  it('says why, in the words of PostgreSQL, and leaves the folder free', async () => {
    const settings = await readFile(join(cluster(), 'postgresql.conf'), 'utf8');
    await writeFile(join(cluster(), 'postgresql.conf'), `${settings}shared_preload_libraries = 'no_such_library'\n`);
    const failure = (await start().catch((error: unknown) => error)) as Error;
    expect(failure).toBeInstanceOf(EmbeddedDatabaseFailed);
    expect(failure.message).toMatch(/did not start.*no_such_library.*database\.log.*DATABASE_URL/);
    await writeFile(join(cluster(), 'postgresql.conf'), settings);
    expect(await query((await start({ waitMs: 0 })).runtimeUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('ABUSE-83: says when the disk takes no more, and starts once it does', async () => {
    folder = await mkdtemp(join(base, 'new-'));
    // A bound on the size of files is how a full disk shows without filling one.
    const holder = hold({ prefix: ['sh', '-c', 'ulimit -f 2000; exec "$@"', 'sh'] });
    expect(await holder.wait('failed')).toMatchObject({ name: 'EmbeddedDatabaseFailed', text: expect.stringMatching(/initdb failed/) });
    expect(existsSync(cluster())).toBe(false);
    expect(await query((await start({ waitMs: 0 })).runtimeUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('does not touch files of another major version', async () => {
    await writeFile(join(cluster(), 'PG_VERSION'), '17\n');
    await expect(start()).rejects.toThrow(/made by PostgreSQL 17; the installed one is 18/);
    await writeFile(join(cluster(), 'PG_VERSION'), '18\n');
  });
});
