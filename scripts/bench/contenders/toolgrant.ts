import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RuntimeOptions } from '../../../src/compose/open-runtime.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { createLogger } from '../../../src/platform/logger.ts';
import { randomToken } from '../../../src/platform/random.ts';
import { type Cores, nodeOnServerCore } from '../cores.ts';
import type { BenchDatabase } from '../database.ts';
import { type Contender, ended } from './contender.ts';
import { findFreePort } from './free-port.ts';
import { openPeople } from './people.ts';

const checkout = resolve(import.meta.dirname, '../../..');
const startTimeoutMs = 30_000;

/** How Toolgrant is started. */
export interface ToolgrantOptions {
  database: BenchDatabase;
  cores: Cores | undefined;
  /** An empty folder: the process runs there, so that no `.env` of the checkout reaches it, and its log goes there. */
  folder: string;
  cpuProfileFolder?: string;
  /** Default 1. */
  workers?: number;
  /** Beside those that every measurement takes. */
  settings?: Readonly<Record<string, string>>;
}

const redeemedAtOnce = 16;

/**
 * Starts `toolgrant serve` as an operator would, from the package that is installed, on a database that is there already, with its log going to a file.
 * Only the limits on how often a stranger may ask are off, because the generator is one address.
 */
export async function startToolgrant(options: ToolgrantOptions): Promise<Contender> {
  const { database, cores, folder, cpuProfileFolder, workers = 1 } = options;
  const origin = `http://127.0.0.1:${await findFreePort()}`;
  const profile = cpuProfileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(cpuProfileFolder)}`];
  const settings = {
    DATABASE_URL: database.runtimeUrl,
    TOOLGRANT_ISSUER: origin,
    TOOLGRANT_HOST: '127.0.0.1',
    TOOLGRANT_SECRET: randomToken(),
    TOOLGRANT_RATE_LIMITS: 'off',
    ...options.settings,
  };
  const { command, args } = nodeOnServerCore(cores, [
    '--max-semi-space-size=8',
    '--v8-pool-size=2',
    '--concurrent-marking-max-worker-num=1',
    ...profile,
    join(checkout, 'dist/toolgrant/lib/main.js'),
    'serve',
    '--workers',
    String(workers),
  ]);
  const logPath = join(folder, 'toolgrant.log');
  const log = await open(logPath, 'a');
  const child = spawn(command, args, {
    cwd: folder,
    stdio: ['ignore', log.fd, log.fd],
    env: { ...settings, PATH: process.env.PATH, NODE_ENV: 'production' },
  });
  await log.close();
  const stop = async () => {
    child.kill('SIGTERM');
    await ended(child);
  };
  try {
    await untilReady(origin, child, logPath);
  } catch (error) {
    await stop();
    throw error;
  }
  const people = await openPeople(runtimeOptions(settings));
  return {
    name: 'Toolgrant',
    origin,
    processId: child.pid as number,
    workers,
    makeCodes: async (request, count) => {
      const codes = await people.makeCodes(request, count);
      await database.analyze();
      return codes;
    },
    makeQuestions: async (request, count, redeem) => {
      const codes = await people.makeCodes(request, count);
      const tokens: string[] = [];
      // Not all at once: an issuer that just began would say that it is busy.
      while (codes.length > 0) tokens.push(...(await Promise.all(codes.splice(0, redeemedAtOnce).map(redeem))));
      return { authorization: people.serverAuthorization, tokens };
    },
    makeMachines: async (count) => {
      const machines = await people.makeMachines(count);
      await database.analyze();
      return machines;
    },
    makeSignIns: async (count) => {
      const { emails, password } = await people.makeAccounts(count);
      const { cookie, formToken } = await openSignInForm(origin);
      const form = (email: string) => new URLSearchParams({ form_token: formToken, return_to: '/account', email, password }).toString();
      return emails.map((email) => ({ path: '/sign-in', cookie, body: form(email) }));
    },
    makePageVisitors: async (count) => {
      const { emails, password } = await people.makeAccounts(count);
      const large = await people.addLargeServer();
      await database.analyze();
      return emails.map((email) => ({ email, password, resource: large }));
    },
    stop: async () => {
      await people.close();
      await stop();
    },
  };
}

/** What the same settings mean in this process. */
function runtimeOptions(settings: Record<string, string>): RuntimeOptions {
  const { config, secrets } = loadConfig(settings);
  const { databaseUrl, keyEncryptionKey } = secrets;
  if (!databaseUrl || !keyEncryptionKey) throw new Error('database and key are among the settings');
  return { config, secrets: { keyEncryptionKey }, databaseUrl: databaseUrl.reveal(), log: createLogger({ level: 'silent' }) };
}

async function untilReady(origin: string, child: { exitCode: number | null }, logPath: string): Promise<void> {
  for (const deadline = performance.now() + startTimeoutMs; performance.now() < deadline; await sleep(100)) {
    if (child.exitCode !== null) throw new Error(`toolgrant serve ended with code ${child.exitCode}; its log is ${logPath}`);
    const answer = await fetch(`${origin}/readyz`).catch(() => undefined);
    if (answer?.ok) return;
  }
  throw new Error(`toolgrant serve was not ready within ${startTimeoutMs / 1_000} s; its log is ${logPath}`);
}

/** What the browser of somebody who is about to sign in has got. */
async function openSignInForm(origin: string): Promise<{ cookie: string; formToken: string }> {
  const page = await fetch(`${origin}/account`);
  const cookie = page.headers.getSetCookie().map((one) => one.split(';')[0]);
  const formToken = /name="form_token" value="([^"]+)"/.exec(await page.text())?.[1];
  if (formToken === undefined) throw new Error('there is no sign-in form on the page of an account');
  return { cookie: cookie.join('; '), formToken };
}
