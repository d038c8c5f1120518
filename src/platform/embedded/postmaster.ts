import type { ChildProcess } from 'node:child_process';
import { closeSync, fstatSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseEndpoint } from '../data-folder-lock.ts';
import { listenSettings } from './endpoint.ts';
import { EmbeddedDatabaseFailed, useYourOwn } from './failure.ts';
import { lastLines, type PostgresInstallation } from './installation.ts';
import { isAlive, isPostmasterOf, listClusterProcesses, readPostmasterFile, signalIfAlive, waitUntil } from './processes.ts';

/** A running PostgreSQL server. */
export interface Postmaster {
  pid: number;
  /** Settles when it ends, for whatever reason. */
  ended: Promise<void>;
  /** Ends it in order: connections are cut, what was committed is on disk. Bounded; safe to call twice. */
  stop(): Promise<void>;
}

/** What is started, and how. */
export interface PostmasterOptions {
  clusterFolder: string;
  endpoint: DatabaseEndpoint;
  /** Receives what PostgreSQL says; it holds no data of rows (see the settings). */
  logFile: string;
  /** Default true. */
  durable?: boolean;
  /** Connections that it takes; default PostgreSQL's own, 100. */
  maxConnections?: number;
  /** How long recovery after a crash may take. Default 120 s. */
  startTimeoutMs?: number;
}

const settings = [
  'timezone=UTC',
  'log_timezone=UTC',
  'jit=off', // our queries are short
  // What people sent must not reach the log: neither statements nor the values in "Key (email)=(…) already exists".
  'log_min_error_statement=panic',
  'log_error_verbosity=terse',
  'log_parameter_max_length=0',
  'log_parameter_max_length_on_error=0',
  'log_checkpoints=off',
];

const notDurable = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'];

const logRotationBytes = 10 * 1024 * 1024;

/**
 * Starts the server and waits until it takes connections; throws with the end of its log when it does not.
 * Backends of a server that was killed may need a moment to notice; they are waited for.
 */
export async function startPostmaster(installation: PostgresInstallation, options: PostmasterOptions): Promise<Postmaster> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await startOnce(installation, options);
    } catch (error) {
      if (tries === 10 || !/shared memory block/.test((error as Error).message)) throw error;
      await sleep(500);
    }
  }
}

async function startOnce(installation: PostgresInstallation, options: PostmasterOptions): Promise<Postmaster> {
  rotateLog(options.logFile);
  const log = openSync(options.logFile, 'a', 0o600);
  const logStart = fstatSync(log).size;
  const all = [...settings, ...listenSettings(options.endpoint), ...(options.durable === false ? notDurable : [])];
  if (options.maxConnections !== undefined) all.push(`max_connections=${options.maxConnections}`);
  const child = installation.spawn(
    'postgres',
    ['-D', options.clusterFolder, ...all.flatMap((setting) => ['-c', setting])],
    ['ignore', log, log],
  );
  closeSync(log);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  child.unref(); // a process that forgets to stop it still ends, and takes it along
  endWithThisProcess(child, ended);
  const { pid } = child;
  const hasEnded = () => pid === undefined || child.exitCode !== null || child.signalCode !== null;
  const isReady = () => {
    const file = readPostmasterFile(options.clusterFolder);
    return file?.pid === pid && file?.isReady === true;
  };
  await waitUntil(() => hasEnded() || isReady(), options.startTimeoutMs ?? 120_000);
  const stop = async () => {
    if (hasEnded()) return;
    if (process.platform === 'win32') await stopByControl(installation, options.clusterFolder);
    else await stopByPid(pid as number, hasEnded);
    await ended;
  };
  if (pid !== undefined && !hasEnded() && isReady()) return { pid, ended, stop };
  await stop();
  const said = lastLines(readFileSync(options.logFile).subarray(logStart).toString('utf8'));
  throw new EmbeddedDatabaseFailed(`The embedded PostgreSQL did not start. It said: ${said} (${options.logFile}). ${useYourOwn}`);
}

/** For a process that ends without stopping its database, by a fault mostly: the last it does is to ask for a fast shutdown. */
function endWithThisProcess(child: ChildProcess, ended: Promise<void>): void {
  const end = () => child.kill('SIGINT');
  process.on('exit', end);
  void ended.then(() => process.off('exit', end));
}

/**
 * Sees to it that no process of an earlier start works on the cluster: a server whose issuer was killed is shut down in order,
 * backends whose server was killed are ended. The caller holds the data folder, so nobody needs them any more.
 */
export async function endLeftovers(installation: PostgresInstallation, clusterFolder: string): Promise<void> {
  const file = readPostmasterFile(clusterFolder);
  if (file) {
    if (process.platform === 'win32') await stopByControl(installation, clusterFolder).catch(() => undefined);
    else if (isAlive(file.pid) && isPostmasterOf(clusterFolder, file.pid)) await stopByPid(file.pid);
  }
  const remain = () => listClusterProcesses(clusterFolder);
  if (!(await waitUntil(() => remain().length === 0, 2_000))) {
    for (const pid of remain()) signalIfAlive(pid, 'SIGKILL');
    await waitUntil(() => remain().length === 0, 5_000);
  }
  // PostgreSQL takes any process of that number for a server, one that is dead and not yet reaped too. This one is known to be none.
  const left = readPostmasterFile(clusterFolder);
  if (left && process.platform !== 'win32' && !(isAlive(left.pid) && isPostmasterOf(clusterFolder, left.pid))) {
    await rm(join(clusterFolder, 'postmaster.pid'), { force: true });
  }
}

/** Fast shutdown, then immediate, then the hard end (after which the next start recovers from the log). */
async function stopByPid(pid: number, hasEnded = () => !isAlive(pid)): Promise<void> {
  for (const [signal, graceMs] of [
    ['SIGINT', 15_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ] as const) {
    signalIfAlive(pid, signal);
    if (await waitUntil(hasEnded, graceMs)) return;
  }
  throw new EmbeddedDatabaseFailed(`The PostgreSQL process ${pid} cannot be ended.`);
}

/** Windows has no signals; PostgreSQL's own tool knows how. */
async function stopByControl(installation: PostgresInstallation, clusterFolder: string): Promise<void> {
  await installation.run('pg_ctl', ['stop', '-D', clusterFolder, '-m', 'fast', '-w']);
}

function rotateLog(path: string): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > logRotationBytes) renameSync(path, `${path}.1`);
}
