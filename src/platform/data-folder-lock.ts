import { chmodSync, mkdirSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a process holds the data folder for: an issuer stays, a command is soon done. */
export type DataFolderPurpose = 'issuer' | 'command';

/** Where a holder's database listens: a folder with the socket, or a port on the loopback address. */
export type DatabaseEndpoint = { socketFolder: string } | { port: number };

/** What the holder of a data folder tells about itself. */
export interface DataFolderHolder {
  pid: number;
  host: string;
  purpose: DataFolderPurpose;
  /** ISO 8601. */
  since: string;
  /** Present once its database answers. */
  endpoint?: DatabaseEndpoint;
}

/** The right to use a data folder, until released. */
export interface DataFolderLock {
  /** Tells other processes where the database listens. */
  publish(endpoint: DatabaseEndpoint): Promise<void>;
  release(): Promise<void>;
}

/** Another live process holds the data folder. */
export class DataFolderBusy extends Error {
  override readonly name = 'DataFolderBusy';
  readonly holder: DataFolderHolder | undefined;

  constructor(folder: string, holder: DataFolderHolder | undefined) {
    const who = holder ? `process ${holder.pid} on ${holder.host} (${holder.purpose}, since ${holder.since})` : 'another process';
    super(`The data folder ${folder} is in use by ${who}. Stop that process, or name another folder in TOOLGRANT_DATA_DIR.`);
    this.holder = holder;
  }
}

const sqliteBusy = 5;

/**
 * Takes the data folder for this process, waiting up to `waitMs`; throws `DataFolderBusy` after that.
 *
 * The lock is the operating system's own, taken through SQLite on an empty file: the kernel drops it with the process,
 * however that ends, so there are no stale locks to recognise, and no process id is ever trusted.
 */
export async function acquireDataFolder(folder: string, options: { purpose: DataFolderPurpose; waitMs: number }): Promise<DataFolderLock> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const deadline = performance.now() + options.waitMs;
  for (;;) {
    const lock = tryLock(join(folder, 'database.lock'));
    if (lock) return await holdDataFolder(folder, options.purpose, lock);
    if (performance.now() >= deadline) throw new DataFolderBusy(folder, await findDataFolderHolder(folder));
    await sleep(50);
  }
}

/** What the last holder said of itself. Whether it still holds the folder, only the lock knows. */
export async function findDataFolderHolder(folder: string): Promise<DataFolderHolder | undefined> {
  try {
    return JSON.parse(await readFile(holderFile(folder), 'utf8')) as DataFolderHolder;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function tryLock(path: string): DatabaseSync | undefined {
  let file: DatabaseSync | undefined;
  try {
    file = new DatabaseSync(path);
    // By path: closing any other descriptor of the file would drop a lock this process holds on it.
    chmodSync(path, 0o600);
    file.exec('BEGIN EXCLUSIVE');
    return file;
  } catch (error) {
    file?.close();
    if ((error as { errcode?: number }).errcode === sqliteBusy) return undefined;
    throw new Error(`The file ${path} cannot be locked; the data folder must be writable and on a local disk.`, { cause: error });
  }
}

async function holdDataFolder(folder: string, purpose: DataFolderPurpose, file: DatabaseSync): Promise<DataFolderLock> {
  const holder: DataFolderHolder = { pid: process.pid, host: hostname(), purpose, since: new Date().toISOString() };
  const write = async (record: DataFolderHolder) => {
    const draft = `${holderFile(folder)}.${process.pid}`;
    await writeFile(draft, JSON.stringify(record), { mode: 0o600 });
    await rename(draft, holderFile(folder));
  };
  try {
    await write(holder);
  } catch (error) {
    file.close();
    throw error;
  }
  // A caller may drop the lock it was given; the timer keeps the file from being collected, which would unlock it.
  const anchor = setInterval(() => file.isOpen, 3_600_000).unref();
  return {
    publish: (endpoint) => write({ ...holder, endpoint }),
    release: async () => {
      if (!file.isOpen) return;
      clearInterval(anchor);
      await rm(holderFile(folder), { force: true });
      file.close();
    },
  };
}

function holderFile(folder: string): string {
  return join(folder, 'database.holder.json');
}
