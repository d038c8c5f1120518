/** Traces of an issuer in processes of its own: asked for or not, with workers, on the way out, and beside a collector that is away. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runCommand, type StartedCommand, settingsFor, startCommand } from '../support/command.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { findFreePort } from '../support/free-port.ts';
import { exchange } from '../support/http-exchange.ts';
import { startTraceCollector, type TraceCollector } from '../support/trace-collector.ts';

let database: TestDatabase;
let folder: string;
let collector: TraceCollector;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), 'traces-'));
  collector = await startTraceCollector();
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await collector.stop();
  await database.drop();
});

type Send = (path: string) => Promise<{ status: number }>;

/** Serves while `work` goes on; resolves when all of it has ended in order. */
async function serving(settings: Record<string, string>, work: (send: Send, command: StartedCommand) => Promise<void>) {
  const port = await findFreePort();
  const loads = `--import=${join(import.meta.dirname, '../support/note-loaded.mjs')}`;
  const env = { ...settingsFor(database), TOOLGRANT_ISSUER: `http://localhost:${port}`, NODE_OPTIONS: loads, ...settings };
  const command = startCommand(['serve'], { env, cwd: folder });
  const send: Send = (path) => exchange({ port, host: `localhost:${port}` }, { path });
  try {
    await command.says('"message":"listening"');
    await work(send, command);
  } finally {
    command.process.kill('SIGTERM');
  }
  const ended = await command.ended;
  expect(ended.code).toBe(0);
  return ended;
}

const metadata = '/.well-known/oauth-authorization-server';

describe('traces of serve', () => {
  it('without an endpoint nothing of OpenTelemetry is loaded; with one it is', async () => {
    const off = await serving({}, async (send) => void (await send('/nowhere')));
    expect(off.err).not.toContain('loaded ');
    expect(off.out).not.toContain('traceId');
    const on = await serving({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint }, async (send) => void (await send('/nowhere')));
    expect(on.err).toContain('@opentelemetry/sdk-trace');
    expect(on.out).toContain('traceId');
  });

  it('arrive from every worker, the last ones on the way out; headers come from a file', async () => {
    const file = join(folder, 'headers');
    writeFileSync(file, 'authorization=Bearer%20of-a-file, x-team=identity\n');
    const settings = {
      OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.endpoint}/`,
      OTEL_EXPORTER_OTLP_HEADERS_FILE: file,
      OTEL_SERVICE_NAME: 'issuer-of-a-test',
      TOOLGRANT_WORKERS: '2',
    };
    const first = collector.spans.length;
    await serving(settings, async (send, command) => {
      await command.says('"workers":2');
      for (let count = 0; count < 40; count += 1) await send(metadata);
    });
    const spans = collector.spans.slice(first).filter(({ name }) => name === 'GET protocol-oauthMetadata');
    expect(spans).toHaveLength(40);
    expect(new Set(spans.map(({ resource }) => resource['service.name']))).toEqual(new Set(['issuer-of-a-test']));
    expect(new Set(spans.map(({ resource }) => resource['service.instance.id'])).size).toBe(2);
    expect(collector.headers.at(-1)).toMatchObject({ authorization: 'Bearer of-a-file', 'x-team': 'identity' });
    expect(collector.paths.at(-1)).toBe('/v1/traces');
  });

  it.each([
    { how: 'is not there', batches: 10, endpoint: async () => `http://127.0.0.1:${await findFreePort()}` },
    // More than can wait to be sent: what does not fit is thrown away.
    { how: 'never answers', batches: 230, endpoint: async () => collector.endpoint },
    { how: 'refuses', batches: 10, endpoint: async () => collector.endpoint },
  ])('a collector that $how disturbs nobody, is told of once, and does not keep the process', async ({ how, batches, endpoint }) => {
    collector.answer = how === 'refuses' ? { status: 400 } : 'hang';
    try {
      const ended = await serving({ OTEL_EXPORTER_OTLP_ENDPOINT: await endpoint() }, async (send, command) => {
        for (let count = 0; count < batches; count += 1) {
          const answers = await Promise.all(Array.from({ length: 20 }, () => send(metadata)));
          expect(answers.every(({ status }) => status === 200)).toBe(true);
        }
        await command.says('traces do not arrive');
        expect((await send('/readyz')).status).toBe(200);
      });
      const told = ended.out.split('\n').filter((line) => line.includes('traces do not arrive'));
      expect(told.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual(['warn']);
    } finally {
      collector.answer = { status: 200 };
    }
  });

  it('settings that cannot be meant are refused, without showing what may be secret', async () => {
    const wrong = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://user:canary-password@collector:4318',
      OTEL_EXPORTER_OTLP_HEADERS: 'canary-header',
      OTEL_SERVICE_NAME: 'two words',
      TOOLGRANT_TRACE_SHARE: '1.5',
    };
    const result = await runCommand(['config', 'check'], { env: { ...settingsFor(database), ...wrong } });
    expect(result.code).not.toBe(0);
    for (const name of Object.keys(wrong)) expect(result.err).toContain(name);
    expect(result.err).not.toContain('canary');
  });
});
