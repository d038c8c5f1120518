import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type ListenOptions } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseEndpoint } from '../data-folder-lock.ts';
import type { DatabaseAccount } from './account.ts';
import { type ClusterPasswords, databaseNames } from './cluster.ts';
import { handOver } from './places.ts';

/** The system's bound on the path of a socket: 107 bytes on Linux, 103 on macOS. */
const longestSocketPath = 103;

/**
 * Decides where the database listens: a socket in a folder of mode 0700, in the data folder if its path is short enough
 * and its file system has sockets, else in the temporary folder; where neither will do, a free port on 127.0.0.1.
 * The caller holds the data folder and no PostgreSQL runs in it: sockets left there are removed.
 */
export async function chooseEndpoint(home: string, account: DatabaseAccount): Promise<DatabaseEndpoint> {
  if (process.platform !== 'win32') {
    const name = `toolgrant-${createHash('sha256').update(home).digest('hex').slice(0, 12)}`;
    for (const folder of [join(home, 'run'), join(tmpdir(), name), join('/tmp', name)]) {
      const prepared = await prepareSocketFolder(folder, account);
      if (!prepared) continue;
      await handOver(prepared, account);
      return { socketFolder: prepared };
    }
  }
  return { port: await findFreePort() };
}

/** The PostgreSQL settings that make it listen there and nowhere else. */
export function listenSettings(endpoint: DatabaseEndpoint): string[] {
  if ('port' in endpoint) return ['listen_addresses=127.0.0.1', `port=${endpoint.port}`, 'unix_socket_directories='];
  // A list, so the one entry is quoted: a path may hold commas and blanks.
  const folder = `"${endpoint.socketFolder.replaceAll('"', '""')}"`;
  return ['listen_addresses=', 'port=5432', `unix_socket_directories=${folder}`, 'unix_socket_permissions=0700'];
}

/** Connection strings of the two roles, as `pg` and `psql` read them. */
export function connectionUrls(endpoint: DatabaseEndpoint, passwords: ClusterPasswords): { ownerUrl: string; runtimeUrl: string } {
  const place = 'port' in endpoint ? '' : `?host=${encodeURIComponent(endpoint.socketFolder)}`;
  const port = 'port' in endpoint ? endpoint.port : 5432;
  const url = (role: 'owner' | 'runtime') =>
    `postgresql://${databaseNames[role]}:${passwords[role]}@127.0.0.1:${port}/${databaseNames.database}${place}`;
  return { ownerUrl: url('owner'), runtimeUrl: url('runtime') };
}

/** Takes the socket's folder away again. */
export async function removeEndpoint(endpoint: DatabaseEndpoint): Promise<void> {
  if ('socketFolder' in endpoint) await rm(endpoint.socketFolder, { recursive: true, force: true });
}

/** How node connects to the endpoint. */
export function connectOptions(endpoint: DatabaseEndpoint): { path: string } | { host: string; port: number } {
  return 'port' in endpoint ? { host: '127.0.0.1', port: endpoint.port } : { path: socketPath(endpoint.socketFolder) };
}

function socketPath(folder: string): string {
  return join(folder, '.s.PGSQL.5432');
}

/** Makes the folder ours, empty and private; undefined if it cannot hold a socket. */
async function prepareSocketFolder(wanted: string, account: DatabaseAccount): Promise<string | undefined> {
  if (Buffer.byteLength(socketPath(wanted)) > longestSocketPath) return undefined;
  try {
    await mkdir(wanted, { recursive: true, mode: 0o700 });
    const found = await lstat(wanted);
    // The temporary folder is everyone's: a folder there under our name may be someone else's trap.
    const isOurs = found.isDirectory() && [process.geteuid?.(), account.kind === 'other' && account.uid].includes(found.uid);
    const folder = isOurs ? wanted : await mkdtemp(`${wanted}-`);
    await chmod(folder, 0o700);
    for (const name of await readdir(folder)) if (name.startsWith('.s.PGSQL.')) await rm(join(folder, name), { force: true });
    const probe = join(folder, 'p');
    await listenOnce({ path: probe });
    return folder;
  } catch {
    return undefined; // no room, no rights, or a file system without sockets: the next place will do
  }
}

async function findFreePort(): Promise<number> {
  return listenOnce({ host: '127.0.0.1', port: 0 });
}

/** Listens for a moment; returns the port, if it was one. */
function listenOnce(options: ListenOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(options, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
