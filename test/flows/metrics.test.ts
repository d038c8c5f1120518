import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { inOffice } from '../../src/compose/open-office.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import type { UserId } from '../../src/domain/ids.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { runCommand, type Settings, type StartedCommand, settingsFor, startCommand } from '../support/command.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { findFreePort } from '../support/free-port.ts';
import { exchange, type Origin } from '../support/http-exchange.ts';
import { addPerson, addServer } from '../support/issuer.ts';
import { askToken, makeApiKey, makeMachine } from '../support/machine.ts';
import { connect, type IssuerDoor, isActive, refresh, registerTestClient, type Tokens } from '../support/oauth-client.ts';
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
  settings: Settings;
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
    await work({ origin, settings: env, send, scrape: async () => (await send('/metrics', { headers: authorized })).text });
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

/** How often the terms of a token were remembered, and how often they had to be worked out. */
function lookupsOf(text: string, cache: string): { hit: number; miss: number } {
  const count = (outcome: string) => readingOf(text, `toolgrant_cache_lookups_total{cache="${cache}",outcome="${outcome}"}`);
  return { hit: count('hit'), miss: count('miss') };
}

/** A person, a server, and what machines use, made on the database of an issuer. */
function prepare(settings: Settings) {
  const log = createLogger({ level: 'silent' });
  return inOffice({ ...loadConfig(settings), log }, async ({ runtime, tenant }) => {
    const at = { runtime, tenant };
    const server = await addServer(runtime, tenant);
    const assigned = { server, tools: ['list_issues'] };
    return {
      server,
      person: await addPerson(runtime, tenant),
      machine: await makeMachine(at, { assigned }),
      key: await makeApiKey(at, assigned),
    };
  });
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

  it('counts what is issued by grant, and what of it was remembered', async () => {
    await serving({ TOOLGRANT_METRICS_TOKEN: token }, async ({ origin, settings, scrape }) => {
      const { server, person, machine, key } = await prepare(settings);
      const door: IssuerDoor = { url: `http://${origin.host}`, origin, send: (request) => exchange(origin, request) };
      const issued = async () => {
        const text = await scrape();
        const grants = ['authorization_code', 'refresh_token', 'client_credentials'];
        return grants.map((grant) => readingOf(text, `toolgrant_token_answers_total{grant="${grant}",outcome="issued"}`));
      };
      expect(await issued()).toEqual([0, 0, 0]);
      const client = await registerTestClient(door);
      const { refresh_token: first } = await connect(door, { client, person, server });
      expect(await issued()).toEqual([1, 0, 0]);
      const next = (await refresh(door, client, first)).json<Tokens>();
      expect(await issued()).toEqual([1, 1, 0]);
      expect((await refresh(door, client, next.refresh_token)).status).toBe(200);
      expect(await issued()).toEqual([1, 2, 0]);
      for (let count = 0; count < 3; count += 1) expect((await askToken(door, machine, { resource: server.resource })).status).toBe(200);
      expect(await issued()).toEqual([1, 2, 3]);
      for (let count = 0; count < 3; count += 1) expect(await isActive(door, server, key.secret)).toBe(true);
      const text = await scrape();
      for (const cache of ['token-terms', 'machine-terms', 'api-key-terms']) {
        expect([cache, lookupsOf(text, cache)]).toEqual([cache, { hit: expect.any(Number), miss: 1 }]);
        expect(lookupsOf(text, cache).hit).toBeGreaterThan(0);
      }
    });
  });

  it('tells how many passwords are being hashed and how many wait, while they do', async () => {
    // One at a time, and each for a good while, so that somebody looks meanwhile.
    const slowly = { TOOLGRANT_ARGON2_CONCURRENCY: '1', TOOLGRANT_ARGON2_PASSES: '100' };
    await serving({ TOOLGRANT_METRICS_TOKEN: token, ...slowly }, async ({ origin, scrape }) => {
      const loads: { running: number; waiting: number }[] = [];
      const look = async () => {
        const text = await scrape();
        const count = (state: string) => readingOf(text, `toolgrant_password_hashes{state="${state}"}`);
        loads.push({ running: count('running'), waiting: count('waiting') });
      };
      const tries = ['ann', 'bob', 'cyd', 'dee'].map(async (name) => {
        const browser = new Browser(origin);
        return signInOn(browser, await browser.get('/account'), { email: `${name}@example.com`, password: 'wrong' });
      });
      let isOver = false;
      const answers = Promise.all(tries).finally(() => {
        isOver = true;
      });
      while (!isOver) await look();
      for (const answer of await answers) expect(answer.text).toContain('Email or password is wrong.');
      expect(loads.filter(({ running, waiting }) => running > 1 || waiting > 3 || (running === 0 && waiting > 0))).toEqual([]);
      expect(Math.max(...loads.map(({ waiting }) => waiting))).toBeGreaterThan(0);
      await look();
      expect(loads.at(-1)).toEqual({ running: 0, waiting: 0 });
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
