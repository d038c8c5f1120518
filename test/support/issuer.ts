/** An issuer in this process: the real application on a real database, listening on a port of its own. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { UserId } from '../../src/domain/ids.ts';
import { issuerPath } from '../../src/domain/issuer-url.ts';
import { type AppParts, createListener } from '../../src/http/app.ts';
import { buildSite, type SharedParts } from '../../src/http/build-site.ts';
import { createSites, type Sites } from '../../src/http/sites.ts';
import { createRenderer } from '../../src/http/views/render.ts';
import type { Engine, EngineSettings } from '../../src/oidc/engine-contract.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createDatabasePool } from '../../src/platform/database-pool.ts';
import type { GuardedFetch } from '../../src/platform/guarded-fetch.ts';
import { createLogger, withTraceIds } from '../../src/platform/logger.ts';
import { noMetrics } from '../../src/platform/metrics.ts';
import { createPasswordHasher } from '../../src/platform/passwords.ts';
import { randomToken } from '../../src/platform/random.ts';
import { noTracing, type Tracing } from '../../src/platform/tracing.ts';
import { createVault } from '../../src/platform/vault.ts';
import { addServer as addServerService } from '../../src/services/add-server.ts';
import { changeTenantSettings } from '../../src/services/change-tenant-settings.ts';
import { createTenant } from '../../src/services/create-tenant.ts';
import { createUser } from '../../src/services/create-user.ts';
import { ensureRootTenant } from '../../src/services/ensure-root-tenant.ts';
import { noAttemptLimits } from '../../src/services/limit-attempts.ts';
import { createStatusListPublisher } from '../../src/services/publish-status-list.ts';
import type { Lifetimes, Runtime, Tenant } from '../../src/services/runtime.ts';
import { openTenantDirectory, type TenantDirectory } from '../../src/services/tenant-directory.ts';
import { createStore } from '../../src/store/client.ts';
import { keepTools, type StoredTool } from '../../src/store/tools.ts';
import { toolNamed } from './consent-scene.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { noOutbound } from './document-host.ts';
import { exchange, type Origin, type RawRequest, type RawResponse } from './http-exchange.ts';

/** How a test wants its issuer. */
export interface IssuerOptions {
  /** Another issuer's, to run a second one beside it on the same database, under the same URL and (where the test gives no other) secret. */
  beside?: Pick<TestIssuer, 'database' | 'secret' | 'url'>;
  /** Secrets beside the one that it seals with, which it opens with, too. */
  previousSecrets?: readonly string[];
  lifetimes?: Partial<Lifetimes>;
  settings?: Partial<Pick<EngineSettings, 'defaultResource'>>;
  /** What the root tenant is set to, as `tenant set` takes it. */
  tenantSettings?: Readonly<Record<string, string>>;
  app?: Partial<Pick<AppParts, 'trustedProxies'> & Pick<SharedParts, 'limits'>> & { maxTenants?: number };
  /** The issuer URL; default `http://localhost:<its port>`. */
  issuer?: string;
  /** Where it listens; default: any port that is free. */
  port?: number;
  maxConnections?: number;
  /** Longest silence of a database connection in use; default: the product's. */
  silenceTimeoutMs?: number;
  /** The way out to strangers' documents; default: none. */
  strangers?: GuardedFetch;
  /** Ends with the issuer. */
  tracing?: Tracing;
  /** Another way to the same database. */
  wayToDatabase?: (url: string) => Promise<string>;
}

/** A person who can sign in. */
export interface TestPerson {
  userId: UserId;
  email: string;
  password: string;
}

/** A server with its credential. */
export interface TestServer {
  serverId: string;
  credential: string;
  resource: string;
}

/** An issuer that runs. */
export interface TestIssuer {
  /** The issuer URL. */
  url: string;
  origin: Origin;
  runtime: Runtime;
  tenant: Tenant;
  engine: Engine;
  sites: Sites;
  directory: TenantDirectory;
  database: TestDatabase;
  secret: string;
  /** Every line it logged. */
  log: string[];
  /** Sends one request to it. */
  send(request: RawRequest): Promise<RawResponse>;
  /** Makes a tenant beside it, below its URL unless `issuer` gives one; returns it as an issuer, which `send` reaches below its URL. */
  addTenant(slug: string, issuer?: string): Promise<TestIssuer>;
  /** Sets the tenant to something else; this issuer goes by it at once, others within a second. */
  set(written: Readonly<Record<string, string>>): Promise<void>;
  addPerson(options?: { isAdmin?: boolean }): Promise<TestPerson>;
  addServer(tools?: readonly StoredTool[], resource?: string): Promise<TestServer>;
  /** Stops it, and removes the database when it is its own. */
  stop(): Promise<void>;
}

const lifetimes: Lifetimes = {
  accessTokenSeconds: 900,
  refreshTokenSeconds: 90 * 86_400,
  refreshTokenIdleSeconds: 30 * 86_400,
  refreshGraceSeconds: 30,
  authorizationCodeSeconds: 60,
  interactionSeconds: 3_600,
  sessionSeconds: 7 * 86_400,
  sessionIdleSeconds: 86_400,
  keyRotationSeconds: 90 * 86_400,
  catalogueSeconds: 900,
  statusListAgeSeconds: 10,
};

/** Starts an issuer. Passwords are hashed at the lowest cost; nothing else is different from the product. */
export async function startIssuer(options: IssuerOptions = {}): Promise<TestIssuer> {
  const { beside, tracing = noTracing, maxConnections = 10, silenceTimeoutMs } = options;
  const database = beside?.database ?? (await createTestDatabase());
  const secret = beside?.secret ?? randomToken(32);
  const log: string[] = [];
  const databaseUrl = options.wayToDatabase ? await options.wayToDatabase(database.runtimeUrl) : database.runtimeUrl;
  const pool = createDatabasePool({
    url: databaseUrl,
    maxConnections,
    ...(silenceTimeoutMs !== undefined && { silenceTimeoutMs }),
  });
  tracing.tracePool(pool);
  const runtime: Runtime = {
    store: createStore(pool),
    clock: systemClock,
    vault: createVault({ current: secret, previous: options.previousSecrets ?? [] }),
    passwords: tracing.tracePasswords(createPasswordHasher({ memoryKib: 1_024, passes: 2 })),
    metrics: noMetrics,
    tracing,
    log: withTraceIds(createLogger({ level: 'debug', destination: { write: (line) => void log.push(line) } }), tracing.traceId),
    lifetimes: { ...lifetimes, ...options.lifetimes },
    strangers: options.strangers ?? noOutbound,
  };
  const server = createServer();
  await listenOn(server, options.port ?? 0);
  const { port } = server.address() as AddressInfo;
  const stop = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await runtime.store.$disconnect();
    await pool.end();
    await tracing.close();
    if (!beside) await database.drop();
  };
  const url = beside?.url ?? options.issuer ?? `http://localhost:${port}`;
  if (options.tenantSettings) await setTenant(runtime, await ensureRootTenant(runtime, url), options.tenantSettings);
  const tenant = await ensureRootTenant(runtime, url);
  const { limits = noAttemptLimits, trustedProxies = [], maxTenants = 100 } = options.app ?? {};
  const render = createRenderer();
  const shared: SharedParts = {
    runtime,
    render,
    statusLists: createStatusListPublisher(runtime),
    limits,
    isDraining: () => false,
    settingsOf: () => ({ ...options.settings }),
  };
  const sites = createSites({ build: (of) => buildSite(shared, of), maxKept: maxTenants });
  const engine = await sites
    .use(tenant, (site) => site.engine)
    .catch(async (error: unknown) => {
      await stop();
      throw error;
    });
  const directory = await openTenantDirectory(runtime, tenant);
  server.on('request', createListener({ runtime, root: tenant, directory, sites, render, trustedProxies }));
  const view = (of: Tenant, itsEngine: Engine): TestIssuer => {
    const itsOrigin = { port, host: new URL(of.issuer).host };
    return {
      url: of.issuer,
      origin: itsOrigin,
      runtime,
      tenant: of,
      engine: itsEngine,
      sites,
      directory,
      database,
      secret,
      log,
      send: (request) => exchange(itsOrigin, of === tenant ? request : { ...request, path: `${issuerPath(of.issuer)}${request.path}` }),
      addTenant: async (slug, itsUrl) => {
        const created = await createTenant(runtime, {
          slug,
          name: slug,
          origin: operator,
          ...(itsUrl !== undefined && { issuer: itsUrl }),
        });
        if (!created.ok) throw new Error(`no tenant: ${JSON.stringify(created.problem)}`);
        await directory.refresh();
        return view(created.tenant, await sites.use(created.tenant, (site) => site.engine));
      },
      set: async (written) => {
        await setTenant(runtime, of, written);
        await directory.refresh();
      },
      addPerson: (person) => addPerson(runtime, of, person),
      addServer: (tools, resource) => addServer(runtime, of, { tools, resource }),
      stop,
    };
  };
  return view(tenant, engine);
}

const operator = { actorType: 'operator' } as const;

function listenOn(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
}

async function setTenant(runtime: Runtime, tenant: Tenant, written: Readonly<Record<string, string>>): Promise<void> {
  const change = await changeTenantSettings(runtime, tenant, { written: new Map(Object.entries(written)), origin: operator });
  if (!change.ok) throw new Error(`not set: ${JSON.stringify(change.problems)}`);
}

/** Makes a person. */
export async function addPerson(runtime: Runtime, tenant: Tenant, { isAdmin = false }: { isAdmin?: boolean } = {}): Promise<TestPerson> {
  // Begins with a letter: what begins with a hyphen is an option to commands.
  const email = `p${randomToken(6).toLowerCase().replaceAll('_', '-')}@example.com`;
  const password = `correct horse ${randomToken(9)}`;
  const created = await createUser(runtime, tenant, { email, password, isAdmin, origin: operator });
  if (!created.ok) throw new Error(`no person: ${created.problem}`);
  return { userId: created.user.id, email, password };
}

/** Makes a server, with a catalogue. */
export async function addServer(
  runtime: Runtime,
  tenant: Tenant,
  options: { tools?: readonly StoredTool[] | undefined; resource?: string | undefined } = {},
): Promise<TestServer> {
  const resource = options.resource ?? `https://${randomToken(6).toLowerCase().replaceAll(/[_-]/g, '0')}.example/mcp`;
  const added = await addServerService(runtime, tenant, { resource, name: 'Tracker', origin: operator });
  if (!added.ok) throw new Error(`no server: ${JSON.stringify(added.problem)}`);
  const { server, credential } = added;
  const tools = options.tools ?? [toolNamed('list_issues'), toolNamed('create_issue', 'write'), toolNamed('delete_issue', 'destructive')];
  await keepTools(runtime.store, tenant.id, server.id, tools);
  return { serverId: server.id, credential, resource };
}
