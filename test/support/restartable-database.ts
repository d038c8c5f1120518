/** A durable PostgreSQL of a test's own whose server can be restarted and killed; a new one starts at the same place. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openCluster } from '../../src/platform/embedded/cluster.ts';
import { chooseEndpoint, connectionUrls, removeEndpoint } from '../../src/platform/embedded/endpoint.ts';
import { prepareInstallation } from '../../src/platform/embedded/installation.ts';
import { endLeftovers, type Postmaster, startPostmaster } from '../../src/platform/embedded/postmaster.ts';
import { applyMigrations } from '../../src/store/migrate/apply-migrations.ts';

/** How a server ends: `fast` cuts connections and writes everything down, `immediate` is a crash that recovers from its log. */
export type EndMode = 'fast' | 'immediate';

/** The database. */
export interface RestartableDatabase {
  ownerUrl: string;
  runtimeUrl: string;
  /** Ends the server. */
  end(mode: EndMode): Promise<void>;
  /** Starts it again; resolves when it takes connections. */
  start(): Promise<void>;
  /** Ends it for good, and removes its files. */
  stop(): Promise<void>;
}

const signals = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const;

/** Makes the database in a folder (which may be a disk of its own), migrates it, and starts it. */
export async function startRestartableDatabase(folder: string): Promise<RestartableDatabase> {
  await mkdir(folder, { recursive: true });
  const installation = await prepareInstallation(folder, () => undefined);
  const cluster = await openCluster(installation, folder, { initialStatements: ['GRANT pg_signal_backend TO toolgrant_owner'] });
  const endpoint = await chooseEndpoint(installation.home, installation.account);
  let server: Postmaster | undefined;
  const start = async () => {
    await endLeftovers(installation, cluster.folder);
    server = await startPostmaster(installation, { clusterFolder: cluster.folder, endpoint, logFile: join(folder, 'database.log') });
  };
  const stop = async () => {
    await server?.stop();
    await endLeftovers(installation, cluster.folder);
    await removeEndpoint(endpoint);
    await rm(installation.home, { recursive: true, force: true });
  };
  try {
    await start();
    const urls = connectionUrls(endpoint, cluster.passwords);
    await applyMigrations({ ownerUrl: urls.ownerUrl, runtimeRole: 'toolgrant_runtime' });
    const end = async (mode: EndMode) => {
      if (!server) return;
      process.kill(server.pid, signals[mode]);
      await server.ended;
    };
    return { ...urls, end, start, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
