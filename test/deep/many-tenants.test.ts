/**
 * Many tenants on one process that keeps few of them ready: each is served, none stays for good, and what it takes is printed.
 * `TEST_TENANTS` says how many; default 500, 5,000 in the soak.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { type StartedCommand, settingsFor, startCommand } from '../support/command.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { findFreePort } from '../support/free-port.ts';
import { exchange } from '../support/http-exchange.ts';

const count = Number(process.env['TEST_TENANTS'] ?? 500);
const kept = 100;
const token = 'token-of-a-test-with-many-tenants-01';

let database: TestDatabase;
let folder: string;
let command: StartedCommand;
let port: number;

const send = (path: string, headers: Record<string, string> = {}) => exchange({ port, host: `localhost:${port}` }, { path, headers });

beforeAll(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), 'tenants-'));
  port = await findFreePort();
  const env = {
    ...settingsFor(database),
    TOOLGRANT_ISSUER: `http://localhost:${port}`,
    TOOLGRANT_TENANTS_IN_MEMORY: String(kept),
    TOOLGRANT_METRICS_TOKEN: token,
    TOOLGRANT_LOG_LEVEL: 'warn',
    // What 5,000 engines would need is several times as much: a process that kept them would end.
    NODE_OPTIONS: '--max-old-space-size=160',
  };
  command = startCommand(['serve'], { env, cwd: folder });
  while ((await send('/readyz').catch(() => undefined))?.status !== 200) {
    if (command.process.exitCode !== null) throw new Error(command.err());
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const owner = new Client({ connectionString: database.ownerUrl });
  await owner.connect();
  await owner.query(
    `INSERT INTO tenants (id, slug, name, issuer, created_at)
     SELECT 'tnt_many_' || n, 'many-' || n, 'Tenant ' || n, $1 || '/t/many-' || n, now() FROM generate_series(1, ${count}) AS n`,
    [`http://localhost:${port}`],
  );
  await owner.end();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
});
afterAll(async () => {
  command.process.kill('SIGTERM');
  await command.ended;
  rmSync(folder, { recursive: true });
  await database.drop();
});

async function readMetric(name: string): Promise<number> {
  const { text } = await send('/metrics', { Authorization: `Bearer ${token}` });
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20);

it(`ENG-21: ${count} tenants are served by a process that keeps ${kept}`, async () => {
  const report: string[] = [];
  const keys = new Set<string>();
  let next = 1;
  const visit = async () => {
    while (next <= count) {
      const n = next;
      next += 1;
      const metadata = await send(`/.well-known/oauth-authorization-server/t/many-${n}`);
      expect([n, metadata.status]).toEqual([n, 200]);
      expect(metadata.json()).toMatchObject({ issuer: `http://localhost:${port}/t/many-${n}` });
      const jwks = (await send(`/t/many-${n}/jwks`)).json<{ keys: { kid: string }[] }>();
      for (const { kid } of jwks.keys) keys.add(kid);
      if (n % Math.ceil(count / 5) === 0) {
        const [heap, resident] = [await readMetric('nodejs_heap_size_used_bytes'), await readMetric('process_resident_memory_bytes')];
        report.push(`after ${n}: heap ${mebibytes(heap)} MiB, resident ${mebibytes(resident)} MiB`);
      }
    }
  };
  await Promise.all([visit(), visit(), visit(), visit()]);
  // Each has a key of its own, made when it was first asked for.
  expect(keys.size).toBeGreaterThanOrEqual(count);
  const ready = await readMetric('toolgrant_tenants_in_memory');
  expect(ready).toBeLessThanOrEqual(kept);
  expect(ready).toBeGreaterThan(kept / 2);
  // One that went is made anew, with the key that it had.
  const again = (await send('/t/many-1/jwks')).json<{ keys: { kid: string }[] }>();
  expect(again.keys.filter(({ kid }) => !keys.has(kid))).toEqual([]);
  expect(command.process.exitCode).toBeNull();
  process.stdout.write(`${count} tenants, ${kept} kept: ${report.join('; ')}\n`);
});
