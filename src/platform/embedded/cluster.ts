import { existsSync } from 'node:fs';
import { chmod, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { randomToken } from '../random.ts';
import { EmbeddedDatabaseFailed, useYourOwn } from './failure.ts';
import type { PostgresInstallation } from './installation.ts';
import { handOver, moveCluster, rememberHome } from './places.ts';
import { listClusterProcesses, signalIfAlive } from './processes.ts';

/** The roles and the database of every embedded cluster. The owner migrates, the runtime serves. */
export const databaseNames = { database: 'toolgrant', owner: 'toolgrant_owner', runtime: 'toolgrant_runtime' } as const;

/** Passwords of the two roles. */
export interface ClusterPasswords {
  owner: string;
  runtime: string;
}

/** A PostgreSQL data directory that is ready to be started. */
export interface Cluster {
  folder: string;
  passwords: ClusterPasswords;
}

/** How a new cluster is made. */
export interface ClusterOptions {
  /** Whether what is written must survive a power cut. Default true. */
  durable?: boolean;
  /** More SQL for the cluster's first moment, run by its superuser, one statement each. */
  initialStatements?: readonly string[];
}

/**
 * The cluster of a data folder; made if there is none, in full or not at all.
 * Nobody can sign in as its superuser (no password, refused by `pg_hba.conf`): the two roles are made in single-user mode.
 * The caller holds the data folder and has seen to it that no PostgreSQL runs in it.
 */
export async function openCluster(installation: PostgresInstallation, dataFolder: string, options: ClusterOptions = {}): Promise<Cluster> {
  await moveCluster(dataFolder, installation.home);
  const folder = join(installation.home, 'database');
  const known = await readClusterPasswords(dataFolder);
  const passwords = known ?? { owner: randomToken(), runtime: randomToken() };
  if (!existsSync(folder)) {
    if (!known) await writePasswords(dataFolder, passwords);
    await createCluster(installation, folder, { ...options, passwords });
    await rememberHome(dataFolder, installation.home);
    return { folder, passwords };
  }
  await requireVersion(installation, folder);
  await handOver(folder, installation.account);
  if (!known) {
    // The file with the passwords was lost. The cluster learns new ones first: a file that is there is always true.
    await runSingleUser(installation, folder, passwordStatements(passwords));
    await writePasswords(dataFolder, passwords);
  }
  return { folder, passwords };
}

async function createCluster(
  installation: PostgresInstallation,
  folder: string,
  options: ClusterOptions & { passwords: ClusterPasswords },
): Promise<void> {
  await removeDrafts(folder);
  // Of a name of its own: an initdb whose caller was killed may still be writing to the one before.
  const draft = `${folder}.${randomToken(6)}.new`;
  const { owner, runtime, database } = databaseNames;
  try {
    await prepareFolder(draft, installation);
    const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
    const syncing = options.durable === false ? ['--no-sync'] : [];
    await installation.run('initdb', ['-D', draft, '-U', 'postgres', '--auth=reject', '--no-instructions', ...locale, ...syncing]);
    await runSingleUser(installation, draft, [
      `CREATE ROLE ${owner} LOGIN`,
      `CREATE ROLE ${runtime} LOGIN`,
      ...passwordStatements(options.passwords),
      `CREATE DATABASE ${database} OWNER ${owner}`,
      `REVOKE ALL ON DATABASE ${database} FROM PUBLIC`,
      `GRANT CONNECT ON DATABASE ${database} TO ${runtime}`,
      ...(options.initialStatements ?? []),
    ]);
    await writeFile(join(draft, 'pg_hba.conf'), signInRules);
    await syncFile(join(draft, 'pg_hba.conf'));
    await rename(draft, folder);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

/** Removes what first starts that were killed left behind, and ends what still works on it. */
async function removeDrafts(folder: string): Promise<void> {
  const names = (await readdir(dirname(folder))).filter((name) => name.startsWith(`${basename(folder)}.`) && name.endsWith('.new'));
  for (const draft of names.map((name) => join(dirname(folder), name))) {
    for (const pid of listClusterProcesses(draft)) signalIfAlive(pid, 'SIGKILL');
    // What cannot be removed yet is out of the way, and goes with the next start.
    await rm(draft, { recursive: true, force: true, maxRetries: 3, retryDelay: 50 }).catch(() => undefined);
  }
}

const signInRules = `# The superuser never signs in; the two roles do, with their passwords.
local all ${databaseNames.owner},${databaseNames.runtime} scram-sha-256
host  all ${databaseNames.owner},${databaseNames.runtime} 127.0.0.1/32 scram-sha-256
`;

/** initdb makes the folder itself when it may; another account may not, so it gets an empty one. */
async function prepareFolder(folder: string, installation: PostgresInstallation): Promise<void> {
  if (installation.account.kind !== 'other') return;
  await mkdir(folder, { mode: 0o700 });
  await handOver(folder, installation.account);
}

function passwordStatements(passwords: ClusterPasswords): string[] {
  return [
    `ALTER ROLE ${databaseNames.owner} PASSWORD '${passwords.owner}'`,
    `ALTER ROLE ${databaseNames.runtime} PASSWORD '${passwords.runtime}'`,
  ];
}

/** Runs statements without a server; passwords travel by a pipe and are kept out of what PostgreSQL logs. */
async function runSingleUser(installation: PostgresInstallation, folder: string, statements: readonly string[]): Promise<void> {
  const settings = ['exit_on_error=on', 'log_min_error_statement=panic', 'log_checkpoints=off'].flatMap((setting) => ['-c', setting]);
  await installation.run('postgres', ['--single', '-D', folder, ...settings, 'postgres'], `${statements.join(';\n')};\n`);
}

async function requireVersion(installation: PostgresInstallation, folder: string): Promise<void> {
  const version = (await readFile(join(folder, 'PG_VERSION'), 'utf8')).trim();
  if (Number(version) === installation.majorVersion) return;
  throw new EmbeddedDatabaseFailed(
    `The database in ${folder} was made by PostgreSQL ${version}; the installed one is ${installation.majorVersion}. Install the version of Toolgrant that made it. ${useYourOwn}`,
  );
}

function passwordFile(dataFolder: string): string {
  return join(dataFolder, 'database-passwords.json');
}

/** The passwords of a data folder; undefined if they are not there, or not whole. */
export async function readClusterPasswords(dataFolder: string): Promise<ClusterPasswords | undefined> {
  try {
    const read = JSON.parse(await readFile(passwordFile(dataFolder), 'utf8')) as Partial<ClusterPasswords>;
    return /^[\w-]{43}$/.test(read.owner ?? '') && /^[\w-]{43}$/.test(read.runtime ?? '') ? (read as ClusterPasswords) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function writePasswords(dataFolder: string, passwords: ClusterPasswords): Promise<void> {
  const draft = `${passwordFile(dataFolder)}.new`;
  await writeFile(draft, JSON.stringify(passwords), { mode: 0o600 });
  await chmod(draft, 0o600); // one left behind keeps its old mode
  await syncFile(draft);
  await rename(draft, passwordFile(dataFolder));
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  await file.sync();
  await file.close();
}
