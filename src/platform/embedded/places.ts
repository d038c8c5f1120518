import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, cp, lchown, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { canReach, type DatabaseAccount } from './account.ts';
import { completeLinks, type PostgresBinaries, programIn } from './binaries.ts';
import { EmbeddedDatabaseFailed } from './failure.ts';

/**
 * Where the files go when PostgreSQL must run as another account (root where user namespaces are refused, as in many
 * containers) and that account cannot enter the folders: a home directory of mode 0700 above a checkout, mostly.
 */
const sharedFolder = '/var/lib/toolgrant';

interface Circumstances {
  account: DatabaseAccount;
  /** Is told when files go elsewhere. */
  notice: (text: string) => void;
}

/** The programs where the account can run them: as installed, or a copy. */
export async function makeReachable(binaries: PostgresBinaries, { account, notice }: Circumstances): Promise<PostgresBinaries> {
  if (account.kind !== 'other' || canReach(account, programIn(binaries, 'postgres'))) return binaries;
  const { version } = JSON.parse(await readFile(join(binaries.root, '..', 'package.json'), 'utf8')) as { version: string };
  const root = join(await openFolder(sharedFolder), `postgres-${version}`);
  if (!existsSync(root)) {
    const draft = `${root}.${process.pid}`;
    await cp(binaries.root, draft, { recursive: true, verbatimSymlinks: true });
    await completeLinks(draft, draft);
    await openToAll(draft);
    await rename(draft, root);
    notice(`PostgreSQL's programs were copied to ${root}, because ${account.name} (whom they run as) cannot reach ${binaries.root}.`);
  }
  return { root };
}

/** The folder for the cluster: the data folder, or one outside it, remembered in the data folder from then on. */
export async function chooseHome(dataFolder: string, { account, notice }: Circumstances): Promise<string> {
  const memory = join(dataFolder, 'database-location');
  if (existsSync(memory)) {
    const home = (await readFile(memory, 'utf8')).trim();
    if (existsSync(join(home, 'database'))) return home;
    throw new EmbeddedDatabaseFailed(
      `The database of ${dataFolder} was in ${home}, and is gone. Bring it back, or delete ${memory} to start with an empty one.`,
    );
  }
  if (account.kind !== 'other') return dataFolder;
  if (canReach(account, dirname(dataFolder))) {
    // What is in the data folder guards itself (mode 0600); the account has to pass through.
    await chmod(dataFolder, 0o711);
    return dataFolder;
  }
  const name = createHash('sha256').update(dataFolder).digest('hex').slice(0, 16);
  const home = await openFolder(join(await openFolder(sharedFolder), `data-${name}`));
  notice(`PostgreSQL runs as ${account.name}, which cannot reach ${dataFolder}: the database is in ${home}.`);
  return home;
}

/**
 * Writes down that the cluster is in `home`; to be called once it is there.
 * Kept apart from choosing, so that a start that fails half way leaves no pointer to nothing.
 */
export async function rememberHome(dataFolder: string, home: string): Promise<void> {
  if (home !== dataFolder) await writeFile(join(dataFolder, 'database-location'), `${home}\n`, { mode: 0o600 });
}

/** Brings a cluster that an earlier start left in the data folder to its new home. */
export async function moveCluster(dataFolder: string, home: string): Promise<void> {
  const [from, to] = [join(dataFolder, 'database'), join(home, 'database')];
  if (home === dataFolder || !existsSync(from)) return;
  await rm(to, { recursive: true, force: true }); // of a move that did not get to its end
  await cp(from, to, { recursive: true, preserveTimestamps: true });
  await rememberHome(dataFolder, home);
  await rm(from, { recursive: true });
}

/** Makes a folder and all in it the database account's own. Only root can, and only root needs to. */
export async function handOver(folder: string, account: DatabaseAccount): Promise<void> {
  if (process.geteuid?.() !== 0) return;
  const [uid, gid] = account.kind === 'other' ? [account.uid, account.gid] : [0, 0];
  if ((await stat(folder)).uid === uid) return;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true }))
    await lchown(join(entry.parentPath, entry.name), uid, gid);
  await lchown(folder, uid, gid); // last: as long as it is not theirs, the work is not done
}

async function openFolder(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o711); // whatever the umask says
  return folder;
}

async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory() || entry.parentPath.endsWith('bin')) await chmod(path, 0o755);
    else if (entry.isFile()) await chmod(path, 0o644);
  }
}
