import { createApp } from '../../src/http/app.ts';
import { createEnginePages } from '../../src/http/pages/engine-pages.ts';
import { type Listening, listen } from '../../src/http/server.ts';
import { createRenderer } from '../../src/http/views/render.ts';
import { createEngine } from '../../src/oidc/engine.ts';
import { createDatabasePool } from '../../src/platform/database-pool.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { createAttemptLimits } from '../../src/services/limit-attempts.ts';
import { createStatusListPublisher } from '../../src/services/publish-status-list.ts';
import type { Runtime, Tenant } from '../../src/services/runtime.ts';
import { createRateCounters } from '../../src/store/rate-limits.ts';
import { createTestRuntime, type TestRuntime } from './runtime.ts';

/** The issuer's pages and endpoints, listening on a port of their own. */
export interface TestIssuer extends TestRuntime {
  issuer: string;
  listening: Listening;
  /** What was logged, one line each. */
  logged: string[];
}

/** What a test wants otherwise. */
export interface TestIssuerOptions {
  /** Another URL than the one that is listened on: a path, a host, https. `PORT` in it becomes the port. */
  issuer?: string;
  trustedProxies?: readonly string[];
  defaultResource?: string;
}

/** Starts the issuer of one test file, as `compose.ts` does it for a process. */
export async function startTestIssuer(options: TestIssuerOptions = {}): Promise<TestIssuer> {
  const base = await createTestRuntime();
  const pool = createDatabasePool({ url: base.database.runtimeUrl, maxConnections: 3 });
  const logged: string[] = [];
  const log = createLogger({ level: 'debug', destination: { write: (line) => logged.push(line) } });
  const runtime: Runtime = { ...base.runtime, log };
  let handle: ReturnType<ReturnType<typeof createApp>['callback']> | undefined;
  const listening: Listening = await listen((request, response) => void handle?.(request, response), {
    hosts: ['127.0.0.1', '::1'],
    port: 0,
  });
  const issuer = (options.issuer ?? 'http://localhost:PORT').replace('PORT', String(listening.port));
  const tenant: Tenant = { ...base.tenant, issuer };
  const render = createRenderer();
  const engine = await createEngine(runtime, tenant, {
    registration: 'open',
    ...createEnginePages({ render, tenant }),
    ...(options.defaultResource !== undefined && { defaultResource: options.defaultResource }),
  });
  const app = createApp({
    runtime,
    tenant,
    engine,
    render,
    statusLists: createStatusListPublisher(runtime),
    limits: createAttemptLimits(createRateCounters(pool)),
    trustedProxies: options.trustedProxies ?? [],
    isDraining: () => listening.isDraining(),
  });
  handle = app.callback();
  return {
    ...base,
    runtime,
    tenant,
    issuer,
    listening,
    logged,
    async end() {
      await listening.drain(1_000);
      await pool.end();
      await base.end();
    },
  };
}
