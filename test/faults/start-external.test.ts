/** Starts of the issuer on a PostgreSQL of one's own: what keeps it from starting is said with the fix; how it stops. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type CommandResult,
  runCommand,
  type Settings,
  type StartedCommand,
  settingsFor,
  startCommand,
  testSecret,
} from '../support/command.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startDatabaseProxy } from '../support/database-proxy.ts';
import { findFreePort } from '../support/free-port.ts';
import { beginRequest, type HalfRequest } from '../support/half-request.ts';

let database: TestDatabase;
let folder: string;
let env: Settings;
let port: number;
const started: StartedCommand[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'toolgrant-start-'));
  port = await findFreePort();
  env = { ...settingsFor(database), TOOLGRANT_ISSUER: `http://localhost:${port}`, TOOLGRANT_RATE_LIMITS: 'off' };
});

afterEach(async () => {
  for (const { process: child, ended } of started.splice(0)) {
    child.kill('SIGKILL');
    await ended;
  }
});

afterAll(async () => {
  await database?.drop();
  if (folder) await rm(folder, { recursive: true });
});

/** Starts the issuer in a process of its own, and waits until it serves. */
async function serve(settings: Settings = env): Promise<StartedCommand> {
  const command = startCommand(['serve'], { env: settings, cwd: folder });
  started.push(command);
  await command.says('Ctrl-C stops everything.');
  return command;
}

/** A start that fails. It must print no result, and no secret. */
async function refused(settings: Settings): Promise<string> {
  const result: CommandResult = await runCommand(['serve'], { env: { TOOLGRANT_LOG_LEVEL: 'silent', ...settings } });
  expect({ code: result.code, out: result.out }).toEqual({ code: 1, out: '' });
  for (const secret of [testSecret, new URL(database.runtimeUrl).password]) expect(result.err).not.toContain(secret);
  return result.err;
}

const changed = (change: (url: URL) => void): Settings => {
  const url = new URL(database.runtimeUrl);
  change(url);
  return { ...env, DATABASE_URL: url.href };
};

describe('a database that cannot be used', () => {
  it('is not there', async () => {
    const nobody = await findFreePort();
    const message = await refused({ ...env, DATABASE_URL: `postgres://u:p@127.0.0.1:${nobody}/toolgrant` });
    expect(message).toBe(`No database answers at 127.0.0.1:${nobody}. Start it, or correct DATABASE_URL.\n`);
  });

  it('ABUSE-79: is waited for: alive, not ready, and serving by itself once it is there', async () => {
    const proxy = await startDatabaseProxy(database.runtimeUrl);
    proxy.cut();
    const command = startCommand(['serve'], { env: { ...env, DATABASE_URL: proxy.url, TOOLGRANT_DATABASE_WAIT: '10m' }, cwd: folder });
    started.push(command);
    try {
      await command.says('It is waited for, 600 s at most.');
      const ask = (path: string) => fetch(`http://localhost:${port}${path}`);
      expect([(await ask('/healthz')).status, (await ask('/readyz')).status, (await ask('/token')).status]).toEqual([200, 503, 503]);
      expect((await ask('/authorize')).headers.get('retry-after')).toBe('5');
      await proxy.restore();
      await command.says('Ctrl-C stops everything.');
      expect((await ask('/readyz')).status).toBe(200);
      command.process.kill('SIGTERM');
      expect((await command.ended).code).toBe(0);
    } finally {
      await proxy.stop();
    }
  });

  it('ABUSE-79: is waited for no longer than the settings say, or until the wish to stop', async () => {
    const nobody = { ...env, DATABASE_URL: `postgres://u:p@127.0.0.1:${await findFreePort()}/toolgrant` };
    expect(await refused({ ...nobody, TOOLGRANT_DATABASE_WAIT: '1s' })).toMatch(
      /^No database answers at .* Start it, or correct DATABASE_URL\.\n$/,
    );
    const command = startCommand(['serve'], { env: { ...nobody, TOOLGRANT_DATABASE_WAIT: '10m' }, cwd: folder });
    started.push(command);
    await command.says('It is waited for');
    command.process.kill('SIGTERM');
    expect((await command.ended).code).toBe(1);
  });

  it('is on a host that nobody knows', async () => {
    expect(await refused({ ...env, DATABASE_URL: 'postgres://u:p@no-such-host.invalid/toolgrant' })).toContain(
      'no-such-host.invalid is not known. Correct DATABASE_URL',
    );
  });

  it('refuses the password', async () => {
    const message = await refused(changed((url) => (url.password = 'wrong')));
    expect(message).toMatch(/refuses the password of the role toolgrant_runtime\. Correct the password in DATABASE_URL\.\n$/);
  });

  it('does not exist', async () => {
    expect(await refused(changed((url) => (url.pathname = '/none')))).toContain('There is no database "none"');
  });

  it('speaks no TLS where TLS is asked for', async () => {
    expect(await refused(changed((url) => url.searchParams.set('sslmode', 'require')))).toContain('"sslmode" in DATABASE_URL');
  });

  it('has an old schema', async () => {
    const empty = await createTestDatabase({ empty: true });
    const message = await refused({ ...env, DATABASE_URL: empty.runtimeUrl });
    await empty.drop();
    expect(message).toMatch(/schema is too old: .* Run "toolgrant migrate"\.\n$/);
  });

  it('ABUSE-75: lets its role rewrite the audit trail, unless that is accepted', async () => {
    const owner = { ...env, DATABASE_URL: database.ownerUrl };
    expect(await refused(owner)).toMatch(
      /toolgrant_owner of DATABASE_URL could change audit records.* TOOLGRANT_AUDIT=tamper-evident\.\n$/,
    );
    const accepted = await serve({ ...owner, TOOLGRANT_AUDIT: 'tamper-evident' });
    accepted.process.kill('SIGTERM');
    expect((await accepted.ended).code).toBe(0);
  });
});

describe('settings that meet the world', () => {
  it('--demo and a database of yours exclude each other', async () => {
    const { code, err } = await runCommand(['serve', '--demo'], { env });
    expect(code).toBe(1);
    expect(err).toContain('--demo makes a sample account, and DATABASE_URL names a database of yours. Remove one of the two.');
  });

  it('a port in use', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
    const message = await refused(env);
    await new Promise((resolve) => other.close(resolve));
    expect(message).toBe(`Port ${port} is in use by another program. Stop it, or set TOOLGRANT_PORT to another port.\n`);
  });

  it('a host that is not this machine', async () => {
    expect(await refused({ ...env, TOOLGRANT_HOST: '192.0.2.1' })).toBe('This machine has no address 192.0.2.1. Correct TOOLGRANT_HOST.\n');
  });

  it('a certificate that is none', async () => {
    const file = join(folder, 'tls.pem');
    await writeFile(file, 'no certificate');
    const tls = { TOOLGRANT_TLS_CERT: file, TOOLGRANT_TLS_KEY: file, TOOLGRANT_ISSUER: `https://localhost:${port}` };
    const other = await createTestDatabase();
    const message = await refused({ ...env, ...tls, DATABASE_URL: other.runtimeUrl });
    await other.drop();
    expect(message).toContain('TOOLGRANT_TLS_CERT names a file without a certificate. Set it to a PEM certificate chain.');
  });

  it('ABUSE-55: a secret that does not open the signing keys; one that is on the way out goes beside the new one, as files', async () => {
    const own = await createTestDatabase(); // the start with both secrets seals everything anew, under the new one
    const { TOOLGRANT_SECRET: _, ...settings }: Settings = { ...env, DATABASE_URL: own.runtimeUrl };
    const other = Buffer.from(testSecret, 'base64url').reverse().toString('base64url');
    const files = { TOOLGRANT_SECRET_FILE: join(folder, 'secret'), TOOLGRANT_SECRET_PREVIOUS_FILE: join(folder, 'previous-secret') };
    await writeFile(files.TOOLGRANT_SECRET_FILE, `${other}\n`);
    await writeFile(files.TOOLGRANT_SECRET_PREVIOUS_FILE, `${testSecret}\n`);
    const startAndStop = async (secrets: Settings) => {
      const command = await serve({ ...settings, ...secrets });
      command.process.kill('SIGTERM');
      expect((await command.ended).code).toBe(0);
    };
    await startAndStop({ TOOLGRANT_SECRET: testSecret });
    expect(await refused({ ...settings, TOOLGRANT_SECRET: other })).toMatch(
      /^The signing keys do not open with TOOLGRANT_SECRET\. .* Bring back the secret/,
    );
    await startAndStop(files);
    await startAndStop({ TOOLGRANT_SECRET_FILE: files.TOOLGRANT_SECRET_FILE });
    expect(await refused({ ...settings, TOOLGRANT_SECRET: testSecret })).toMatch(/^The signing keys do not open with TOOLGRANT_SECRET\. /);
    await own.drop();
  });
});

describe('stopping', () => {
  const halves: HalfRequest[] = [];
  const begin = async () => {
    const half = await beginRequest(port);
    halves.push(half);
    return half;
  };

  /** Answers may still go out to those who are connected; the test's own time limit ends it. */
  const refusesConnections = async () => {
    for (;;) {
      const half = await beginRequest(port).catch(() => undefined);
      if (!half) return;
      half.abandon();
    }
  };

  afterEach(() => {
    for (const half of halves.splice(0)) half.abandon();
  });

  it('ABUSE-85: lets requests under way finish, takes no new ones, and exits with 0; one Ctrl-C that comes twice is one', async () => {
    const issuer = await serve();
    const half = await begin();
    issuer.process.kill('SIGINT');
    issuer.process.kill('SIGINT'); // npm passes on what the terminal has sent already
    await issuer.says('"stopping"');
    await refusesConnections();
    expect(await half.finish()).toMatch(/^HTTP\/1\.1 201 /);
    const { code, out } = await issuer.ended;
    expect(code).toBe(0);
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { message: string });
    expect(lines.at(-1)?.message).toBe('stopped');
  });

  it('ABUSE-82: ends beside a database that has fallen silent', async () => {
    const proxy = await startDatabaseProxy(database.runtimeUrl);
    const issuer = await serve({ ...env, DATABASE_URL: proxy.url });
    proxy.stall();
    issuer.process.kill('SIGTERM');
    expect((await issuer.ended).code).toBe(0);
    proxy.flow();
    await proxy.stop();
  });

  it('a second Ctrl-C ends at once', async () => {
    const issuer = await serve();
    await begin(); // which nobody finishes
    const impatience = setInterval(() => issuer.process.kill('SIGINT'), 100);
    const { code } = await issuer.ended;
    clearInterval(impatience);
    expect(code).toBe(130);
  });

  it('tells nobody at a pipe the link of the first administrator, and says how to get one', async () => {
    const issuer = await serve();
    issuer.process.kill('SIGTERM');
    const { out, err } = await issuer.ended;
    expect(out + err).not.toContain('/link/');
    expect(err).toContain('There is no administrator yet: toolgrant user create --admin --email <email>');
    for (const line of out.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('level');
  });
});
