/**
 * The embedded database: a real PostgreSQL server in the data folder, for those who bring none.
 * It starts npm's binaries with a clean environment, listens on a private socket only, and belongs to one of our processes
 * at a time; what an earlier one left behind when it was killed is dealt with at the next start.
 * It installs no signal handlers: who starts it, stops it. `compose.ts` and the CLI call it.
 */
import { realpath } from 'node:fs/promises';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  acquireDataFolder,
  type DatabaseEndpoint,
  DataFolderBusy,
  type DataFolderLock,
  type DataFolderPurpose,
  findDataFolderHolder,
} from './data-folder-lock.ts';
import { type ClusterOptions, openCluster, readClusterPasswords } from './embedded/cluster.ts';
import { chooseEndpoint, connectionUrls, connectOptions, removeEndpoint } from './embedded/endpoint.ts';
import { prepareInstallation } from './embedded/installation.ts';
import { endLeftovers, type Postmaster, startPostmaster } from './embedded/postmaster.ts';
import { makeFolder } from './make-folder.ts';

export { DataFolderBusy, type DataFolderPurpose } from './data-folder-lock.ts';
export { EmbeddedDatabaseFailed } from './embedded/failure.ts';

/** A database that answers, and the two roles to use it with. */
export interface EmbeddedDatabase {
  /** Signs in as the role that owns the tables and migrates them. */
  ownerUrl: string;
  /** Signs in as the role that serves. */
  runtimeUrl: string;
  /** Ends what this process started; safe to call twice. */
  stop(): Promise<void>;
}

/** How the embedded database is started. */
export interface EmbeddedDatabaseOptions extends ClusterOptions {
  /** The data folder; made with mode 0700 if absent. */
  folder: string;
  /** An issuer keeps the folder and lets commands use its database; a command is waited for. */
  purpose: DataFolderPurpose;
  /** How long to wait for another process to let go of the folder. Default 5 s. */
  waitMs?: number;
  /** Connections that it takes; default 100. */
  maxConnections?: number;
  /** Is told, in one sentence, what an operator should know. */
  onNotice?: (text: string) => void;
}

const defaultWaitMs = 5_000;

/**
 * Starts the database of a data folder and keeps it running until stopped.
 * Throws `DataFolderBusy` when another process holds the folder, `EmbeddedDatabaseFailed` when PostgreSQL cannot run.
 */
export async function startEmbeddedDatabase(options: EmbeddedDatabaseOptions): Promise<EmbeddedDatabase> {
  const folder = await openFolder(options.folder);
  const lock = await acquireDataFolder(folder, { purpose: options.purpose, waitMs: options.waitMs ?? defaultWaitMs });
  return startHeld(folder, lock, options);
}

/**
 * For commands: uses the database of the issuer that runs on this data folder, or starts it and stops it after.
 * Another command is waited for, because it stops its database when it is done.
 */
export async function connectOrStartEmbeddedDatabase(options: EmbeddedDatabaseOptions): Promise<EmbeddedDatabase> {
  const folder = await openFolder(options.folder);
  const deadline = performance.now() + (options.waitMs ?? defaultWaitMs);
  for (;;) {
    try {
      const lock = await acquireDataFolder(folder, { purpose: options.purpose, waitMs: 0 });
      return await startHeld(folder, lock, options);
    } catch (error) {
      if (!(error instanceof DataFolderBusy)) throw error;
      const running = await findRunning(folder);
      if (running) return running;
      if (performance.now() >= deadline) throw error;
    }
    await sleep(50);
  }
}

/**
 * Ends what a killed process left running in a data folder, without starting anything.
 * Throws `DataFolderBusy` when a live process holds the folder.
 */
export async function endAbandonedDatabase(folder: string): Promise<void> {
  const place = await openFolder(folder);
  const lock = await acquireDataFolder(place, { purpose: 'command', waitMs: 0 });
  try {
    const installation = await prepareInstallation(place, () => undefined);
    await endLeftovers(installation, join(installation.home, 'database'));
  } finally {
    await lock.release();
  }
}

async function openFolder(folder: string): Promise<string> {
  await makeFolder(resolve(folder));
  return realpath(folder);
}

/** The database of an issuer that holds the folder, if it answers. */
async function findRunning(folder: string): Promise<EmbeddedDatabase | undefined> {
  const holder = await findDataFolderHolder(folder);
  const passwords = await readClusterPasswords(folder);
  if (holder?.purpose !== 'issuer' || !holder.endpoint || !passwords || !(await answers(holder.endpoint))) return undefined;
  return { ...connectionUrls(holder.endpoint, passwords), stop: async () => undefined };
}

function answers(endpoint: DatabaseEndpoint): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(connectOptions(endpoint));
    const end = (result: boolean) => {
      socket.destroy();
      done(result);
    };
    socket.setTimeout(1_000, () => end(false));
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}

async function startHeld(folder: string, lock: DataFolderLock, options: EmbeddedDatabaseOptions): Promise<EmbeddedDatabase> {
  try {
    const notice = options.onNotice ?? (() => undefined);
    const installation = await prepareInstallation(folder, notice);
    await endLeftovers(installation, join(installation.home, 'database'));
    const cluster = await openCluster(installation, folder, options);
    const endpoint = await chooseEndpoint(installation.home, installation.account);
    const start = async () => {
      await endLeftovers(installation, cluster.folder);
      return startPostmaster(installation, {
        clusterFolder: cluster.folder,
        endpoint,
        logFile: join(folder, 'database.log'),
        ...(options.durable !== undefined && { durable: options.durable }),
        ...(options.maxConnections !== undefined && { maxConnections: options.maxConnections }),
      });
    };
    const supervised = await supervise(start, notice);
    await lock.publish(endpoint);
    const stop = async () => {
      await supervised.stop();
      // A server that was killed leaves backends, which need a moment to notice.
      await endLeftovers(installation, cluster.folder);
      await removeEndpoint(endpoint);
      await lock.release();
    };
    return { ...connectionUrls(endpoint, cluster.passwords), stop };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Keeps a server running: one that ends unasked is started again, with growing pauses, until `stop`. */
async function supervise(start: () => Promise<Postmaster>, notice: (text: string) => void): Promise<{ stop(): Promise<void> }> {
  const stopping = new AbortController();
  let current = await start();
  let startedAt = performance.now();
  const keepRunning = async () => {
    for (let pauseMs = shortestPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      await current.ended;
      if (stopping.signal.aborted) return;
      if (performance.now() - startedAt > calmMs) pauseMs = shortestPauseMs;
      notice('The embedded PostgreSQL ended by itself; it is started again.');
      await sleep(pauseMs, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      startedAt = performance.now();
      try {
        current = await start();
      } catch (error) {
        notice((error as Error).message);
      }
      // `stop` may have come meanwhile, and stopped the one before.
      if (stopping.signal.aborted) await current.stop();
    }
  };
  const supervision = keepRunning();
  return {
    stop: async () => {
      stopping.abort();
      await current.stop();
      await supervision;
    },
  };
}

const shortestPauseMs = 100;
const longestPauseMs = 10_000;
/** A server that ran this long is not in a loop of failing. */
const calmMs = 60_000;
