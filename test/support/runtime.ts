import { rootTenantId } from '../../src/domain/ids.ts';
import { defaultTenantSettings } from '../../src/domain/tenant-settings.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createDatabasePool } from '../../src/platform/database-pool.ts';
import type { GuardedFetch } from '../../src/platform/guarded-fetch.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { noMetrics } from '../../src/platform/metrics.ts';
import { createPasswordHasher } from '../../src/platform/passwords.ts';
import { randomToken } from '../../src/platform/random.ts';
import { noTracing } from '../../src/platform/tracing.ts';
import { createVault } from '../../src/platform/vault.ts';
import type { Runtime, Tenant } from '../../src/services/runtime.ts';
import { createStore } from '../../src/store/client.ts';
import { obtainTenant } from '../../src/store/tenants.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { noOutbound } from './document-host.ts';

/** Services on a database of their own, without HTTP or engine. */
export interface TestRuntime {
  runtime: Runtime;
  tenant: Tenant;
  database: TestDatabase;
  end(): Promise<void>;
}

/** Makes the runtime of one test file. Passwords are hashed at the lowest cost, and there is no way out unless one is given. */
export async function createTestRuntime({ strangers = noOutbound }: { strangers?: GuardedFetch } = {}): Promise<TestRuntime> {
  const database = await createTestDatabase();
  const pool = createDatabasePool({ url: database.runtimeUrl });
  const tenant: Tenant = { id: rootTenantId, slug: 'root', issuer: 'http://localhost:4000', name: 'Test', settings: defaultTenantSettings };
  const runtime: Runtime = {
    store: createStore(pool),
    clock: systemClock,
    vault: createVault({ current: randomToken(32) }),
    passwords: createPasswordHasher({ memoryKib: 1_024, passes: 2 }),
    metrics: noMetrics,
    tracing: noTracing,
    log: createLogger({ level: 'silent' }),
    lifetimes: {
      accessTokenSeconds: 900,
      refreshTokenSeconds: 2_592_000,
      refreshTokenIdleSeconds: 2_592_000,
      refreshGraceSeconds: 30,
      authorizationCodeSeconds: 60,
      interactionSeconds: 600,
      sessionSeconds: 86_400,
      sessionIdleSeconds: 86_400,
      keyRotationSeconds: 90 * 86_400,
      catalogueSeconds: 900,
      statusListAgeSeconds: 10,
    },
    strangers,
  };
  await obtainTenant(runtime.store, { ...tenant, createdAt: new Date() });
  return {
    runtime,
    tenant,
    database,
    async end() {
      await runtime.store.$disconnect();
      await pool.end();
      await database.drop();
    },
  };
}
