/** `serve --workers`, drains, and certificates that change, as an operator starts them: in processes of their own. */
import { mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { askBegun, type Fate } from '../support/begun-request.ts';
import { type Settings, type StartedCommand, settingsFor, startCommand, testSecret } from '../support/command.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { findFreePort } from '../support/free-port.ts';
import { beginRequest } from '../support/half-request.ts';
import { exchange, type RawRequest } from '../support/http-exchange.ts';
import { startIssuer } from '../support/issuer.ts';
import { connect, refresh, registerTestClient, type Tokens } from '../support/oauth-client.ts';
import { makeSelfSigned } from '../support/self-signed.ts';

let database: TestDatabase;
let folder: string;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), 'processes-'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await database.drop();
});

interface Running {
  command: StartedCommand;
  port: number;
  get(path: string): Promise<number>;
}

/** Asks until it is so; gives up after a minute. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 1_200; tries += 1) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('it never became so');
}

async function serve(settings: Settings = {}, args: readonly string[] = []): Promise<Running> {
  const port = await findFreePort();
  const env = { ...settingsFor(database), TOOLGRANT_ISSUER: `http://localhost:${port}`, ...settings };
  const command = startCommand(['serve', ...args], { env, cwd: folder });
  const get = async (path: string) => (await exchange({ port, host: `localhost:${port}` }, { path })).status;
  await until(async () => command.process.exitCode !== null || (await get('/readyz').catch(() => 0)) === 200);
  return { command, port, get };
}

/** The processes that a process has started and that still run. */
function childrenOf(pid: number | undefined): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

function isAlive(pid: number): boolean {
  try {
    // A process that has ended and that nobody has asked about is none.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('serve --workers', () => {
  it('serves on; starts a worker again that was killed; ends all of them when it is told to', async () => {
    const { command, get } = await serve({}, ['--workers', '2']);
    const { pid } = command.process;
    await until(() => childrenOf(pid).length === 2);
    const [first = 0] = childrenOf(pid);
    process.kill(first, 'SIGKILL');
    await until(() => command.out().includes('a worker serves again'));
    expect(childrenOf(pid)).toHaveLength(2);
    expect(childrenOf(pid)).not.toContain(first);
    for (let count = 0; count < 20; count += 1) expect(await get('/jwks')).toBe(200);
    const workers = childrenOf(pid);
    command.process.kill('SIGTERM');
    expect((await command.ended).code).toBe(0);
    expect(workers.filter(isAlive)).toEqual([]);
    for (const line of command.out().trim().split('\n')) expect(() => JSON.parse(line)).not.toThrow();
  });

  it('ABUSE-81: no worker outlives the process that started it, though that was killed', async () => {
    const { command } = await serve({ TOOLGRANT_WORKERS: '2' });
    await until(() => childrenOf(command.process.pid).length === 2);
    const workers = childrenOf(command.process.pid);
    command.process.kill('SIGKILL');
    await until(() => !workers.some(isAlive));
    expect(workers).toHaveLength(2);
  });

  it('a port in use is one message and exit code 1', async () => {
    const holder = createServer();
    const port = await new Promise<number>((resolve) => {
      holder.listen(0, '127.0.0.1', () => resolve((holder.address() as { port: number }).port));
    });
    const settings = { TOOLGRANT_ISSUER: `http://localhost:${port}`, TOOLGRANT_HOST: '127.0.0.1', TOOLGRANT_WORKERS: '2' };
    const command = startCommand(['serve'], { env: { ...settingsFor(database), ...settings }, cwd: folder });
    const { code, err } = await command.ended;
    holder.close();
    expect(code).toBe(1);
    expect(err.match(/is in use by another program/g)).toHaveLength(1);
  });
});

describe('SIGTERM', () => {
  /** Agents that are connected, and an issuer beside the processes, to which they go afterwards. */
  const connectAgents = async (url: string, count: number) => {
    const beside = await startIssuer({ beside: { database, url, secret: testSecret } });
    const [person, server] = [await beside.addPerson(), await beside.addServer()];
    const agents = [];
    while (agents.length < count) {
      const client = await registerTestClient(beside);
      agents.push({ client, token: (await connect(beside, { client, person, server })).refresh_token });
    }
    return { beside, agents };
  };

  it.each([
    ['one process', '1'],
    ['workers', '2'],
  ])(
    'ABUSE-85: %s: all that was begun under load is answered and stands, on connections that are kept alive too',
    async (_what, workers) => {
      const { command, port } = await serve({ TOOLGRANT_WORKERS: workers });
      const origin = { port, host: `localhost:${port}` };
      const { beside, agents } = await connectAgents(`http://${origin.host}`, 4);
      const agent = new Agent({ keepAlive: true, maxSockets: 16 });
      const fates: Fate[] = [];
      let isOver = false;
      // Goes on until nobody listens any more: what comes then goes to another instance.
      const load = async (next: () => RawRequest, take: (answer: string) => void = () => undefined) => {
        while (!isOver) {
          const fate = await askBegun(agent, origin, next());
          if (fate.kind === 'refused') return;
          fates.push(fate);
          if (fate.kind === 'answered' && fate.status === 200) take(fate.text);
        }
      };
      const refreshing = agents.map((one) => {
        const parameters = () => ({ grant_type: 'refresh_token', client_id: one.client.clientId, refresh_token: one.token });
        const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
        const next = () => ({ method: 'POST', path: '/token', headers, body: new URLSearchParams(parameters()).toString() });
        return load(next, (answer) => {
          one.token = (JSON.parse(answer) as Tokens).refresh_token;
        });
      });
      const loading = [...refreshing, ...Array.from({ length: 12 }, () => load(() => ({ path: '/jwks' })))];
      try {
        await until(() => fates.length > 100);
        const held = [await beginRequest(port), await beginRequest(port)];
        command.process.kill('SIGTERM');
        // Nobody is taken in any more; what a worker is being dealt just then waits until the processes end.
        await Promise.race(loading);
        for (const half of held) expect(await half.finish()).toMatch(/^HTTP\/1\.1 201 /);
        const { code, out } = await command.ended;
        await Promise.all(loading);
        expect(code).toBe(0);
        expect(JSON.parse(out.trim().split('\n').at(-1) ?? '')).toMatchObject({ message: 'stopped' });
        expect(fates.filter((fate) => fate.kind === 'dropped' || (fate.kind === 'answered' && fate.status !== 200))).toEqual([]);
        for (const { client, token } of agents) expect((await refresh(beside, client, token)).status).toBe(200);
      } finally {
        isOver = true;
        command.process.kill('SIGKILL');
        await Promise.all(loading);
        agent.destroy();
        await beside.stop();
      }
    },
  );
});

describe('a certificate that changes', () => {
  const write = (place: string, { certificate, key }: { certificate: string; key: string }) => {
    for (const [name, text] of Object.entries({ 'tls.crt': certificate, 'tls.key': key })) {
      writeFileSync(join(place, `${name}.new`), text);
      renameSync(join(place, `${name}.new`), join(place, name));
    }
  };
  const served = (port: number) =>
    new Promise<{ fingerprint: string; protocol: string | null }>((resolve, reject) => {
      const socket = connectTls({ host: '127.0.0.1', port, servername: 'localhost', rejectUnauthorized: false }, () => {
        resolve({ fingerprint: socket.getPeerCertificate().fingerprint256, protocol: socket.getProtocol() });
        socket.end();
      });
      socket.on('error', reject);
    });

  it.each([['1'], ['2']])(
    'is served without a restart, whichever way it was put there; a broken one is not (%s workers)',
    async (workers) => {
      const places = [mkdtempSync(join(folder, 'a-')), mkdtempSync(join(folder, 'b-'))] as const;
      const link = join(folder, `tls-${workers}`);
      write(places[0], makeSelfSigned());
      symlinkSync(places[0], link);
      const port = await findFreePort();
      const env = {
        ...settingsFor(database),
        TOOLGRANT_ISSUER: `https://localhost:${port}`,
        TOOLGRANT_TLS_CERT: join(link, 'tls.crt'),
        TOOLGRANT_TLS_KEY: join(link, 'tls.key'),
        TOOLGRANT_WORKERS: workers,
      };
      const command = startCommand(['serve'], { env, cwd: folder });
      const fingerprint = async () => (await served(port).catch(() => undefined))?.fingerprint;
      await until(async () => (await fingerprint()) !== undefined);
      const first = await fingerprint();
      expect((await served(port)).protocol).toBe('TLSv1.3');

      write(places[0], makeSelfSigned());
      await until(async () => (await fingerprint()) !== first);
      const second = await fingerprint();

      write(places[1], makeSelfSigned());
      symlinkSync(places[1], `${link}.new`);
      renameSync(`${link}.new`, link);
      await until(async () => ![first, second].includes(await fingerprint()));
      const third = await fingerprint();

      write(places[1], { certificate: makeSelfSigned().certificate, key: makeSelfSigned().key });
      await until(() => command.out().includes('the certificate before is still served'));
      expect(await fingerprint()).toBe(third);
      command.process.kill('SIGTERM');
      expect((await command.ended).code).toBe(0);
      expect(command.out().match(/the certificate before is still served/g)).toHaveLength(1);
    },
  );
});
