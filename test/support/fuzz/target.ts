/** What is fuzzed: the issuer as it is deployed, in a process of its own that reaches nothing but its database. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openRuntime } from '../../../src/compose/open-runtime.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { issuerPath } from '../../../src/domain/issuer-url.ts';
import { createLogger } from '../../../src/platform/logger.ts';
import { createTenant } from '../../../src/services/create-tenant.ts';
import type { Runtime, Tenant } from '../../../src/services/runtime.ts';
import { type Settings, testSecret } from '../command.ts';
import { memorySettings, readHeapBytes } from '../heap.ts';
import { exchange } from '../http-exchange.ts';
import { addServer } from '../issuer.ts';
import { type LoadedIssuer, startLoadedIssuer } from '../loaded-issuer.ts';
import type { PlaceName } from './draft.ts';
import { readBackClients } from './read-back.ts';
import { openPlace, type Place } from './world.ts';

/** It. */
export interface FuzzTarget {
  runtime: Runtime;
  places: Readonly<Record<PlaceName, Place>>;
  port: number;
  /** The issuer's heap after a collection. */
  readHeapBytes(): Promise<number>;
  /** What is wrong after everything was answered: faults that it logged, connections that it tried, rows that break rules. */
  check(): Promise<{ clients: number; problems: string[] }>;
  stop(): Promise<void>;
}

/** Starts it. */
export async function startFuzzTarget(): Promise<FuzzTarget> {
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'toolgrant-fuzz-'));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  const trap = await setTrap();
  started.defer(() => trap.close());
  const networkFile = join(folder, 'network');
  const memory = memorySettings(folder);
  const settings: Settings = {
    ...memory.settings,
    NODE_OPTIONS: `${memory.settings.NODE_OPTIONS} --import=file://${join(import.meta.dirname, 'closed-network.ts')}`,
    CLOSED_NETWORK_FILE: networkFile,
  };
  const issuer = await startLoadedIssuer({ seed: 1, actors: 1, settings });
  started.defer(() => issuer.stop());
  const opened = await openRuntime(runtimeOptions(issuer), 'stored');
  started.defer(() => opened.close());
  const { runtime } = opened;
  const { port } = issuer.door.origin;
  const tenants: Record<PlaceName, Tenant> = {
    root: opened.tenant,
    below: await addTenant(runtime, 'fuzz-below'),
    ownHost: await addTenant(runtime, 'fuzz-own', `http://127.0.0.1:${port}`),
  };
  const places = {} as Record<PlaceName, Place>;
  for (const [name, tenant] of Object.entries(tenants) as [PlaceName, Tenant][]) {
    const about = { server: await addServer(runtime, tenant), trapPort: trap.port, port };
    await untilServed(tenant, port);
    places[name] = await openPlace(tenant, { ...about, secrets: [testSecret, ...passwordsOf(issuer)] });
  }
  const kept = started.move();
  return {
    runtime,
    places,
    port,
    readHeapBytes: () => readHeapBytes(issuer.process(), memory.file),
    async check() {
      const { count, problems } = await readBackClients(issuer.database.ownerUrl);
      const { exitCode, signalCode } = issuer.process().process;
      const faults = [...issuer.faults()].map(([line, times]) => `${times} × ${line.slice(0, 2_000)}`);
      const log = issuer.process().out();
      const told = Object.values(places).flatMap((place) => place.secrets.filter((secret) => log.includes(secret)));
      return {
        clients: count,
        problems: [
          ...(exitCode === null && signalCode === null
            ? []
            : [`it ended: ${exitCode ?? signalCode} ${issuer.process().err().slice(-2_000)}`]),
          ...faults,
          ...told.map((secret) => `the log has the secret ${secret.slice(0, 6)}…`),
          ...(trap.connections() > 0 ? [`${trap.connections()} connections to a loopback port that strangers named`] : []),
          ...(await findForeignConnections(networkFile, issuer)),
          ...problems,
        ],
      };
    },
    stop: () => kept.disposeAsync(),
  };
}

function runtimeOptions(issuer: LoadedIssuer): Parameters<typeof openRuntime>[0] {
  const { config, secrets } = loadConfig(issuer.settings);
  const { databaseUrl, keyEncryptionKey } = secrets;
  if (!databaseUrl || !keyEncryptionKey) throw new Error('database and key are among the settings');
  return { config, secrets: { keyEncryptionKey }, databaseUrl: databaseUrl.reveal(), log: createLogger({ level: 'silent' }) };
}

async function addTenant(runtime: Runtime, slug: string, issuer?: string): Promise<Tenant> {
  const created = await createTenant(runtime, {
    slug,
    name: slug,
    origin: { actorType: 'operator' },
    ...(issuer !== undefined && { issuer }),
  });
  if (!created.ok) throw new Error(`no tenant: ${JSON.stringify(created.problem)}`);
  return created.tenant;
}

async function untilServed({ issuer }: Tenant, port: number): Promise<void> {
  const path = `${issuerPath(issuer)}/jwks`;
  for (let tries = 0; tries < 400; tries += 1) {
    const { status } = await exchange({ port, host: new URL(issuer).host }, { path });
    if (status === 200) return;
    await sleep(50);
  }
  throw new Error(`${issuer} is not served`);
}

function passwordsOf({ database }: LoadedIssuer): string[] {
  return [database.ownerUrl, database.runtimeUrl].map((url) => new URL(url).password).filter((password) => password !== '');
}

/** A loopback port that strangers' URLs name; nobody may ever connect to it. */
async function setTrap(): Promise<{ port: number; connections: () => number; close: () => Promise<void> }> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

/** Connections to anywhere but the database, the receiver of the audit trail, and the one public address that all names have. */
async function findForeignConnections(file: string, { database, settings }: LoadedIssuer): Promise<string[]> {
  if (!existsSync(file)) return [];
  const tried = new Set((await readFile(file, 'utf8')).split('\n').filter((line) => line !== ''));
  const own = [database.runtimeUrl, settings['TOOLGRANT_AUDIT_WEBHOOK'] ?? ''].map((url) => `127.0.0.1 ${new URL(url).port}`);
  return [...tried].filter((line) => !own.includes(line) && !line.startsWith('93.184.215.14 ')).map((line) => `it connected to ${line}`);
}
