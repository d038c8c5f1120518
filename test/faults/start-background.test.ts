/** What goes on beside requests, and several issuers in one process and on one database. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sweepInBackground } from '../../src/compose/sweep-in-background.ts';
import { type Composition, compose } from '../../src/compose.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { Secret } from '../../src/config/secret.ts';
import { sha256 } from '../../src/platform/digest.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { ensureSigningKeys } from '../../src/services/signing-keys.ts';
import { createLink, findLink } from '../../src/store/links.ts';
import { applyMigrations } from '../../src/store/migrate/apply-migrations.ts';
import { setAuditScene } from '../support/audit-scene.ts';
import { settingsFor, testSecret } from '../support/command.ts';
import { query } from '../support/database-holder.ts';
import { findFreePort } from '../support/free-port.ts';
import { createTestRuntime, type TestRuntime } from '../support/runtime.ts';

let t: TestRuntime;

beforeAll(async () => {
  t = await createTestRuntime();
});

afterAll(() => t?.end());

/** Asks again until it holds; gives up before the test's own time limit, so that the test cleans up. */
async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  for (const deadline = performance.now() + 45_000; !(await holds()); await sleep(20)) {
    if (performance.now() > deadline) throw new Error('it never came to be so');
  }
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

  it('ENG-23: keys take over that are due, and months of the audit trail go whose time is over, once and without being asked', async () => {
    const scene = await setAuditScene();
    try {
      const { runtime, tenant, asOwner } = scene;
      const { current } = await ensureSigningKeys(runtime, tenant);
      // Readers have had the next one for long, and it is due.
      const due = `UPDATE signing_keys SET created_at = now() - interval '1 hour', changes_at = now() - interval '1 second'`;
      const [next] = await asOwner(`${due} WHERE state = 'next' RETURNING kid`);
      const longAgo = new Date(Date.now() - 400 * 86_400_000);
      await asOwner(`SELECT make_audit_partition('${longAgo.toISOString()}')`);
      await scene.record(1, { at: () => longAgo });
      await applyMigrations({ ownerUrl: scene.database.ownerUrl, auditRetentionSeconds: 300 * 86_400 });

      const eventsOf = (type: string) => asOwner(`SELECT detail FROM audit_events WHERE type = '${type}'`);
      const sweeping = sweepInBackground(runtime, { pauseMs: 5 });
      try {
        await until(async () => (await eventsOf('key.rotated')).length > 0 && (await eventsOf('audit.month-dropped')).length > 0);
      } finally {
        await sweeping.stop();
      }
      expect(await eventsOf('key.rotated')).toEqual([{ detail: { ...next, previousKid: current.kid } }]);
      expect(await eventsOf('audit.month-dropped')).toMatchObject([{ detail: { month: longAgo.toISOString().slice(0, 7) } }]);
      const states = await asOwner(`SELECT state FROM signing_keys ORDER BY kid = '${current.kid}' DESC, kid = '${next?.['kid']}' DESC`);
      expect(states).toEqual([{ state: 'retiring' }, { state: 'current' }, { state: 'next' }]);
    } finally {
      await scene.end();
    }
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
