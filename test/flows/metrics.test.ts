import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type StartedCommand, settingsFor, startCommand } from '../support/command.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { findFreePort } from '../support/free-port.ts';
import { exchange } from '../support/http-exchange.ts';

const token = 'metrics-token-canary-0123456789abcdef';

let database: TestDatabase;
let folder: string;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), 'metrics-'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await database.drop();
});

interface Running {
  send: (path: string, options?: { method?: string; headers?: Record<string, string>; body?: string }) => ReturnType<typeof exchange>;
  scrape: () => Promise<string>;
}

/** Serves in processes of its own while `work` goes on. */
async function serving(settings: Record<string, string>, work: (running: Running) => Promise<void>): Promise<void> {
  const port = await findFreePort();
  const env = { ...settingsFor(database), TOOLGRANT_ISSUER: `http://localhost:${port}`, ...settings };
  const command: StartedCommand = startCommand(['serve'], { env, cwd: folder });
  const send: Running['send'] = (path, options) => exchange({ port, host: `localhost:${port}` }, { path, ...options });
  const authorized = { Authorization: `Bearer ${token}` };
  try {
    for (let tries = 0; ; tries += 1) {
      if ((await send('/readyz').catch(() => undefined))?.status === 200) break;
      if (tries > 400) throw new Error('it never became ready');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await work({ send, scrape: async () => (await send('/metrics', { headers: authorized })).text });
  } finally {
    command.process.kill('SIGTERM');
    await command.ended;
  }
}

/** The value of a series. */
function readingOf(text: string, series: string): number {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? 0 : Number(line.slice(series.length + 1));
}

/** Names and labels of all series, without values. */
function seriesOf(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.slice(0, line.lastIndexOf(' ')));
}

const discovery = 'toolgrant_http_request_duration_seconds_count{route="protocol-oauthMetadata",method="GET",status="2xx"}';

describe('/metrics', () => {
  it('ABUSE-78: is not there without a token in the settings, nor without showing it', async () => {
    await serving({}, async ({ send }) => {
      expect((await send('/metrics', { headers: { Authorization: `Bearer ${token}` } })).status).toBe(404);
    });
    await serving({ TOOLGRANT_METRICS_TOKEN: token }, async ({ send }) => {
      const nowhere = await send('/nowhere');
      for (const headers of [
        {},
        { Authorization: 'Bearer wrong' },
        { Authorization: `Basic ${token}` },
        { Authorization: `Bearer ${token}x` },
      ]) {
        const refused = await send('/metrics', { headers: headers as Record<string, string> });
        expect([refused.status, refused.text]).toEqual([nowhere.status, nowhere.text]);
      }
      expect((await send(`/metrics?token=${token}`)).status).toBe(404);
      const shown = await send('/metrics', { headers: { Authorization: `Bearer ${token}`, Host: 'prometheus.internal' } });
      expect(shown).toMatchObject({
        status: 200,
        headers: { 'content-type': expect.stringMatching(/^text\/plain/), 'cache-control': 'no-store' },
      });
    });
  });

  it('counts requests, token answers, sign-ins; and strangers cannot make series', async () => {
    await serving({ TOOLGRANT_METRICS_TOKEN: token }, async ({ send, scrape }) => {
      for (let count = 0; count < 3; count += 1) await send('/.well-known/oauth-authorization-server');
      const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
      await send('/token', { method: 'POST', headers: form, body: 'grant_type=refresh_token&refresh_token=none&client_id=cli_none' });
      await send('/token', { method: 'POST', headers: form, body: 'grant_type=stranger&client_id=cli_none' });
      const before = await scrape();
      expect(readingOf(before, discovery)).toBe(3);
      expect(readingOf(before, 'toolgrant_token_answers_total{grant="refresh_token",outcome="invalid_client"}')).toBe(1);
      expect(readingOf(before, 'toolgrant_token_answers_total{grant="other",outcome="invalid_client"}')).toBe(1);
      expect(readingOf(before, 'toolgrant_database_connections{state="idle"}')).toBeGreaterThan(0);
      expect(readingOf(before, 'toolgrant_tenants_in_memory')).toBe(1);
      expect(before).toContain('toolgrant_build_info{version=');
      expect(before).toMatch(/^toolgrant_status_list_age_seconds 0$/m);
      expect((await send('/status/0')).status).toBe(200);
      expect(readingOf(await scrape(), 'toolgrant_status_list_age_seconds')).toBeGreaterThan(0);
      expect(readingOf(await scrape(), 'toolgrant_status_list_age_seconds')).toBe(0);
      expect(before).toContain('nodejs_eventloop_lag');
      await send('/somewhere-0');
      await send('/somewhere', { method: 'PATCH' });
      const first = await scrape();
      for (let count = 1; count < 40; count += 1) {
        await send(`/somewhere-${count}`, { method: count % 2 === 0 ? 'GET' : 'PROPFIND', headers: { Host: `host-${count}.example` } });
        await send(`/t/tenant-${count}/authorize?client_id=${count}`);
        await send('/token', { method: 'POST', headers: form, body: `grant_type=grant-${count}&client_id=cli_${count}` });
      }
      // A kind of garbage collection is there once it has happened.
      const withoutRanges = (text: string) =>
        seriesOf(text)
          .filter((series) => !series.startsWith('nodejs_gc_'))
          .map((series) => series.replace(/method="[A-Za-z]+"|status="\dxx"|le="[^"]*"/g, ''));
      const known = new Set(withoutRanges(first));
      expect(withoutRanges(await scrape()).filter((series) => !known.has(series))).toEqual([]);
      expect(await scrape()).not.toContain('canary');
    });
  });

  it('is one text for all workers, whichever is asked', async () => {
    await serving({ TOOLGRANT_METRICS_TOKEN: token, TOOLGRANT_WORKERS: '2' }, async ({ send, scrape }) => {
      // Ready is who has one worker; the second is on its way.
      const workers = async () => readingOf(await scrape(), 'toolgrant_tenants_in_memory');
      for (let tries = 0; tries < 200 && (await workers()) < 2; tries += 1) await new Promise((resolve) => setTimeout(resolve, 50));
      for (let count = 0; count < 10; count += 1) await send('/.well-known/oauth-authorization-server');
      for (let count = 0; count < 4; count += 1) expect(readingOf(await scrape(), discovery)).toBe(10);
      expect(await workers()).toBe(2);
    });
  });
});
