/** What goes on beside requests, and several issuers in one process and on one database. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sweepInBackground } from '../../src/compose/sweep-in-background.ts';
import { type Composition, compose } from '../../src/compose.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { Secret } from '../../src/config/secret.ts';
import { sha256 } from '../../src/platform/digest.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { createLink, findLink } from '../../src/store/links.ts';
import { settingsFor, testSecret } from '../support/command.ts';
import { query } from '../support/database-holder.ts';
import { findFreePort } from '../support/free-port.ts';
import { createTestRuntime, type TestRuntime } from '../support/runtime.ts';

let t: TestRuntime;

beforeAll(async () => {
  t = await createTestRuntime();
});

afterAll(() => t?.end());

/** Asks again until it holds; the test's own time limit ends it. */
async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await sleep(20);
}

describe('sweeping in the background', () => {
  const addLink = async (name: string, expiresAt: Date) => {
    const link = { digest: sha256(name), purpose: 'first-admin' as const, expiresAt, createdAt: new Date(0) };
    await createLink(t.runtime.store, t.tenant.id, link);
  };
  const links = async () => (await query(t.database.ownerUrl, 'SELECT digest FROM one_time_links')).map(({ digest }) => digest);

  it('removes what is over, again and again, and nothing else', async () => {
    await addLink('over', new Date(Date.now() - 3_600_000));
    await addLink('good', new Date(Date.now() + 3_600_000));
    const sweeping = sweepInBackground(t.runtime, { pauseMs: 5 });
    await until(async () => !(await links()).includes(sha256('over')));
    await addLink('later', new Date(Date.now() - 3_600_000));
    await until(async () => !(await links()).includes(sha256('later')));
    await sweeping.stop();
    expect(await links()).toEqual([sha256('good')]);
    expect(await findLink(t.runtime.store, t.tenant.id, sha256('good'), new Date())).toBeDefined();
  });

  it('logs what goes wrong, and tries again', async () => {
    const lines: string[] = [];
    const log = createLogger({ level: 'error', destination: { write: (line) => lines.push(line) } });
    const broken = { ...t.runtime, log, clock: { now: () => new Date(Number.NaN) } };
    const sweeping = sweepInBackground(broken, { pauseMs: 1 });
    await until(() => lines.length > 4);
    await sweeping.stop();
    expect(lines[0]).toContain('removing expired rows failed; it is tried again');
  });
});

describe('several issuers', () => {
  it('ABUSE-84: share a database, stand in one process, and end by themselves', async () => {
    const ports = [await findFreePort(), await findFreePort()];
    const issuer = `http://localhost:${ports[0]}`;
    const make = (port: number | undefined): Promise<Composition> => {
      const { config } = loadConfig({ ...settingsFor(t.database), TOOLGRANT_ISSUER: issuer, TOOLGRANT_PORT: String(port) });
      const secrets = { keyEncryptionKey: new Secret(testSecret) };
      return compose({ config, secrets, databaseUrl: t.database.runtimeUrl, log: createLogger({ level: 'silent' }) });
    };
    const [first, second] = [await make(ports[0]), await make(ports[1])];
    await Promise.all([first.listen(), second.listen()]);
    const ask = async (port: number | undefined, path: string) =>
      (await fetch(`http://127.0.0.1:${port}${path}`, { headers: { host: new URL(issuer).host } })).status;
    expect([first.tenant.issuer, second.tenant.issuer]).toEqual([issuer, issuer]);
    expect(await Promise.all(ports.map((port) => ask(port, '/readyz')))).toEqual([200, 200]);
    const keys = await query(t.database.ownerUrl, 'SELECT state FROM signing_keys ORDER BY state');
    expect(keys).toEqual([{ state: 'current' }, { state: 'next' }]);
    await Promise.all([first.close(), first.close()]);
    await expect(ask(ports[0], '/readyz')).rejects.toThrow();
    expect(await ask(ports[1], '/readyz')).toBe(200);
    await second.close();
  });
});
