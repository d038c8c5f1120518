import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { UserId } from '../../src/domain/ids.ts';
import { runCommand, type StartedCommand, settingsFor, startCommand } from '../support/command.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { findFreePort } from '../support/free-port.ts';
import { exchange, type Origin } from '../support/http-exchange.ts';
import { Browser, signInOn } from '../support/person.ts';

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
  origin: Origin;
}

/** Serves in processes of its own while `work` goes on. */
async function serving(settings: Record<string, string>, work: (running: Running) => Promise<void>): Promise<void> {
  const port = await findFreePort();
  const env = { ...settingsFor(database), TOOLGRANT_ISSUER: `http://localhost:${port}`, ...settings };
  const command: StartedCommand = startCommand(['serve'], { env, cwd: folder });
  const origin = { port, host: `localhost:${port}` };
  const send: Running['send'] = (path, options) => exchange(origin, { path, ...options });
  const authorized = { Authorization: `Bearer ${token}` };
  try {
    for (let tries = 0; ; tries += 1) {
      if ((await send('/readyz').catch(() => undefined))?.status === 200) break;
      if (tries > 400) throw new Error('it never became ready');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await work({ origin, send, scrape: async () => (await send('/metrics', { headers: authorized })).text });
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

  it('tells all that docs/operations.md names, and moves as it happens', async () => {
    const told = readFileSync(join(import.meta.dirname, '../../docs/operations.md'), 'utf8').matchAll(/^\| `(toolgrant_\w+)` \|/gm);
    const names = [...told].map(([, name]) => name as string);
    const typed = 'four words of one’s own';
    const account = { userId: 'usr_none' as UserId, email: 'ann@example.com', password: typed };
    const made = await runCommand(['user', 'create', '--email', account.email, '--password-stdin'], { env: settingsFor(database), typed });
    expect(made).toMatchObject({ code: 0 });
    const settings = { TOOLGRANT_METRICS_TOKEN: token, TOOLGRANT_AUDIT_FILE: join(folder, 'audit.jsonl') };
    await serving(settings, async ({ send, scrape, origin }) => {
      await send('/status/0');
      const signIn = async (password: string) => {
        const browser = new Browser(origin);
        return signInOn(browser, await browser.get('/account'), { ...account, password });
      };
      expect((await signIn(typed)).text).toContain('Connected agents');
      const lags: number[] = [];
      for (let count = 0; count < 11; count += 1) {
        await signIn('wrong');
        lags.push(readingOf(await scrape(), 'toolgrant_audit_unsealed_seconds'));
      }
      // Each leaves an event; the sealer comes once in some seconds.
      expect(Math.max(...lags)).toBeGreaterThan(0);
      const text = await scrape();
      expect(readingOf(text, 'toolgrant_sign_ins_total{outcome="success"}')).toBe(1);
      expect(readingOf(text, 'toolgrant_sign_ins_total{outcome="failure"}')).toBe(10);
      expect(readingOf(text, 'toolgrant_limited_total{limit="sign-in"}')).toBe(1);
      expect(readingOf(text, 'toolgrant_status_list_duration_seconds_count')).toBeGreaterThan(0);
      expect(readingOf(text, 'toolgrant_removal_lag_seconds')).toBe(0);
      expect(names.filter((name) => !text.includes(`# TYPE ${name} `))).toEqual([]);
    });
  });
});
