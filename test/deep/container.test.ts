/** The steps of the Dockerfile, done in folders instead of containers; then what the image would run, by an account that is not root. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testSecret } from '../support/command.ts';
import { type DoneStage, doContainerSteps } from '../support/container-steps.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type DatabaseProxy, startDatabaseProxy } from '../support/database-proxy.ts';
import { lastStep } from '../support/dockerfile.ts';
import { findFreePort } from '../support/free-port.ts';

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
let place: string;
let image: DoneStage;
let database: TestDatabase | undefined;
const started: ChildProcess[] = [];
const ways: DatabaseProxy[] = [];

beforeAll(async () => {
  place = await realpath(await mkdtemp(join(tmpdir(), 'container-')));
  await chmod(place, 0o755);
  database = await createTestDatabase({ empty: true });
  image = await doContainerSteps({ root: resolve(import.meta.dirname, '../..'), place, node: process.execPath });
  // What the image is mounted as where its root file system is read-only; root in a test writes anyway, another account does not.
  await run('chmod', ['-R', 'a-w', image.at('/opt')]);
});
afterAll(async () => {
  for (const child of started) child.kill('SIGKILL');
  for (const way of ways) await way.stop();
  await database?.drop();
  await run('chmod', ['-R', 'u+w', place]);
  await rm(place, { recursive: true, force: true });
});

/** An account of the image's number, with nothing but what it sets. */
function account(settings: Record<string, string>) {
  const [uid, gid] = (lastStep(image.stage, 'USER').words[0] ?? '').split(':').map(Number) as [number, number];
  const programs = `${image.at('/usr/local/bin')}:/usr/local/bin:/usr/bin:/bin`;
  const env = { PATH: programs, TMPDIR: join(place, 'tmp'), ...image.environment, ...settings };
  return { cwd: image.at(image.workingDirectory), env, ...(isRoot && { uid, gid }) };
}

const moved = (words: readonly string[]) => words.map((word) => (word.startsWith('/') ? image.at(word) : word));

/** What the container does when it is started with these words in the place of CMD. */
function start(settings: Record<string, string>, words = lastStep(image.stage, 'CMD').words) {
  const [program = '', ...args] = moved([...lastStep(image.stage, 'ENTRYPOINT').words, ...words]);
  const child = spawn(program, args, { ...account(settings), stdio: ['ignore', 'pipe', 'pipe'] });
  started.push(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
  const ended = new Promise<number | string | null>((done) => child.once('close', (code, signal) => done(signal ?? code)));
  return { child, said: () => said, ended };
}

/** What HEALTHCHECK, or another check, ends with. */
async function check(settings: Record<string, string>, name?: string): Promise<number> {
  const words = lastStep(image.stage, 'HEALTHCHECK').words;
  const [program = '', ...args] = moved(name === undefined ? words : [...words.slice(0, -1), name]);
  return run(program, args, account(settings)).then(
    () => 0,
    (error: { code: number }) => error.code,
  );
}

async function waitUntilReady(settings: Record<string, string>, { child, said }: ReturnType<typeof start>): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if ((await check(settings, 'readyz')) === 0) return;
    if (child.exitCode !== null) throw new Error(`it ended: ${said()}`);
    await sleep(100);
  }
  throw new Error(`it never became ready: ${said()}`);
}

/** Where an ordinary account needs help from root to be somebody else, there is a temporary folder that is its own. */
async function makeTemporaryFolder(): Promise<void> {
  await mkdir(join(place, 'tmp'), { recursive: true, mode: 0o777 });
  if (isRoot) await chown(join(place, 'tmp'), 1000, 1000);
}

describe('what the Dockerfile makes', () => {
  beforeAll(makeTemporaryFolder);

  it('holds the product without tools, tests, sources or data', async () => {
    expect((await readdir(image.at('/opt/toolgrant'))).sort()).toEqual([
      ...['CHANGELOG.md', 'LICENSE', 'README.md', 'docs', 'healthcheck.mjs', 'lib', 'node_modules', 'npm-shrinkwrap.json'],
      ...['package.json', 'prisma', 'views'],
    ]);
    const installed = await readdir(image.at('/opt/toolgrant/node_modules'));
    expect(installed.filter((name) => ['prisma', 'typescript', 'jest', '@swc', 'node', '@sparticuz'].includes(name))).toEqual([]);
    expect(await readdir(image.at('/var/lib/toolgrant'))).toEqual([]);
  });

  it('serves with its embedded database, is healthy, writes to the data folder alone, and ends in order', async () => {
    const port = await findFreePort();
    const settings = { TOOLGRANT_PORT: String(port), TOOLGRANT_ISSUER: `http://localhost:${port}`, TOOLGRANT_HOST: '127.0.0.1' };
    expect(await check(settings)).toBe(1);
    const issuer = start(settings);
    await waitUntilReady(settings, issuer);
    expect([await check(settings), await check(settings, 'readyz'), await check(settings, 'nowhere')]).toEqual([0, 0, 1]);
    const metadata = await fetch(`http://localhost:${port}/.well-known/oauth-authorization-server`);
    expect(await metadata.json()).toMatchObject({ issuer: settings.TOOLGRANT_ISSUER });
    const data = await stat(image.at('/var/lib/toolgrant/secret'));
    expect([data.mode & 0o777, data.uid]).toEqual([0o600, isRoot ? 1000 : process.getuid?.()]);
    issuer.child.kill('SIGTERM');
    expect(await issuer.ended).toBe(0);
    expect(issuer.said()).toContain('"message":"stopped"');
    if (isRoot) {
      const { stdout } = await run('find', [image.folder, '-uid', '1000', '-not', '-path', `${image.at('/var/lib/toolgrant')}*`]);
      expect(stdout).toBe('');
    }
  });

  it('migrates and serves a database of one’s own with secrets as files, as compose.yaml has it; while it waits it is alive', async () => {
    const port = await findFreePort();
    // The socket of the tests' own cluster is for its own account: by TCP.
    ways.push(await startDatabaseProxy(database?.runtimeUrl ?? ''), await startDatabaseProxy(database?.ownerUrl ?? ''));
    const [runtimeUrl = '', ownerUrl = ''] = ways.map(({ url }) => url);
    const secrets = { toolgrant_secret: testSecret, database_url: runtimeUrl, migration_database_url: ownerUrl };
    for (const [name, value] of Object.entries(secrets)) await writeFile(join(place, name), `${value}\n`, { mode: 0o444 });
    const migration = start(
      { DATABASE_URL_FILE: join(place, 'database_url'), TOOLGRANT_MIGRATION_DATABASE_URL_FILE: join(place, 'migration_database_url') },
      ['migrate'],
    );
    expect([await migration.ended, migration.said()]).toEqual([0, expect.stringContaining('has the rights that serving needs')]);
    const settings = {
      DATABASE_URL_FILE: join(place, 'database_url'),
      TOOLGRANT_SECRET_FILE: join(place, 'toolgrant_secret'),
      TOOLGRANT_ISSUER: 'https://auth.example.com',
      TOOLGRANT_PORT: String(port),
      TOOLGRANT_WORKERS: '2',
    };
    const issuer = start(settings);
    await waitUntilReady(settings, issuer);
    issuer.child.kill('SIGTERM');
    expect(await issuer.ended).toBe(0);
    for (const value of Object.values(secrets)) expect(issuer.said()).not.toContain(value);

    const away = { ...settings, DATABASE_URL_FILE: join(place, 'away') };
    await writeFile(join(place, 'away'), `postgres://nobody@127.0.0.1:${await findFreePort()}/none\n`, { mode: 0o444 });
    const waiting = start(away);
    for (let tries = 0; tries < 300 && (await check(away)) !== 0; tries += 1) await sleep(100);
    expect([await check(away), await check(away, 'readyz')]).toEqual([0, 1]);
    waiting.child.kill('SIGTERM');
    await waiting.ended;
  });

  it('makes secrets once, of different kinds, that settings take', async () => {
    const copy = join(place, 'secrets-of-a-machine');
    await mkdir(join(copy, 'deploy'), { recursive: true });
    const script = join(copy, 'deploy/make-secrets.sh');
    await writeFile(script, await readFile(resolve(import.meta.dirname, '../../deploy/make-secrets.sh')));
    const read = async () => {
      const names = (await readdir(join(copy, 'secrets'))).sort();
      return Object.fromEntries(
        await Promise.all(names.map(async (name) => [name, (await readFile(join(copy, 'secrets', name), 'utf8')).trim()] as const)),
      ) as Record<string, string>;
    };
    await run('sh', [script]);
    const made = await read();
    await run('sh', [script]);
    expect(await read()).toEqual(made);
    expect(new Set(Object.values(made)).size).toBe(4);
    expect((await stat(join(copy, 'secrets'))).mode & 0o777).toBe(0o700);
    const files = { DATABASE_URL_FILE: join(copy, 'secrets/database_url'), TOOLGRANT_SECRET_FILE: join(copy, 'secrets/toolgrant_secret') };
    await chmod(join(copy, 'secrets'), 0o755); // in a container there is no such folder around them
    const checked = start({ ...files, TOOLGRANT_ISSUER: 'https://auth.example.com' }, ['config', 'check']);
    expect([await checked.ended, checked.said()]).toEqual([0, expect.stringContaining('can be used')]);
  });
});
