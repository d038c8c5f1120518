/** The newcomer's start: embedded database, demo, commands beside it and without it; kills, and what else stands in the way. */
import { readFileSync, statSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { listClusterProcesses, waitUntil } from '../../src/platform/embedded/processes.ts';
import { endAbandonedDatabase } from '../../src/platform/embedded-database.ts';
import {
  type CommandResult,
  jsonOf,
  problemOf,
  type Settings,
  type StartedCommand,
  settingsForFolder,
  startByNpm,
  startCommand,
} from '../support/command.ts';
import { findFreePort } from '../support/free-port.ts';
import { beginRequest } from '../support/half-request.ts';

jest.setTimeout(120_000);

let base: string;
let folder: string;
let env: Settings;
let ports: { issuer: number; demo: number };
const started: StartedCommand[] = [];

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'toolgrant-start-'));
  await chmod(base, 0o755); // for the account that root may have to run the database as
  folder = join(base, 'data');
  ports = { issuer: await findFreePort(), demo: await findFreePort() };
  env = settingsForFolder(folder, ports);
});

afterEach(async () => {
  for (const { process: child, ended } of started.splice(0)) {
    child.kill('SIGKILL');
    await ended;
  }
});

afterAll(async () => {
  await endAbandonedDatabase(folder);
  await rm(base, { recursive: true });
});

function start(args: readonly string[], settings: Settings = env): StartedCommand {
  const command = startCommand(args, { env: settings, cwd: base });
  started.push(command);
  return command;
}

async function serve(...options: string[]): Promise<StartedCommand> {
  const command = start(['serve', ...options]);
  await command.says('Ctrl-C stops everything.');
  return command;
}

const run = (...args: string[]): Promise<CommandResult> => start(args).ended;
const issuerAnswers = async () => (await fetch(`http://localhost:${ports.issuer}/readyz`)).status;
const nothingRuns = () => listClusterProcesses(join(folder, 'database')).length === 0;

interface User {
  email: string;
  admin: boolean;
  disabled: boolean;
  hasPassword: boolean;
}
const users = async () => jsonOf<User[]>(await run('user', 'list', '--json'));

// In this order: each leaves the data folder to the next.
describe('with the embedded database', () => {
  it('`npm start` has all that the welcome says', async () => {
    const issuer = startByNpm({ env, cwd: base });
    started.push(issuer);
    await issuer.says('Ctrl-C stops everything.');
    const resource = `http://localhost:${ports.demo}/mcp`;
    const welcome = issuer.err();
    expect(welcome).toContain(`Toolgrant is running at http://localhost:${ports.issuer}\n`);
    expect(welcome).toContain(`claude mcp add --transport http tracker ${resource}\n`);
    const [, link = '', token = ''] = /(http:\S+\/link\/([\w-]{43}))/.exec(welcome) ?? [];
    expect((await fetch(link)).status).toBe(200);
    const refused = await fetch(resource, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
    expect({ status: refused.status, challenge: refused.headers.get('www-authenticate') }).toEqual({
      status: 401,
      challenge: expect.stringContaining(`http://localhost:${ports.demo}/.well-known/oauth-protected-resource/mcp`),
    });
    for (const address of ['127.0.0.1', '[::1]']) expect((await fetch(`http://${address}:${ports.issuer}/healthz`)).status).toBe(200);
    // The log has neither the link nor the generated secret.
    const secret = (await readFile(join(folder, 'secret'), 'utf8')).trim();
    for (const line of issuer.out().trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('level');
    for (const hidden of [token, secret]) expect(issuer.out()).not.toContain(hidden);
    expect(issuer.err()).not.toContain(secret);
    expect(statSync(join(folder, 'secret')).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o077 & ~0o011).toBe(0);

    // A signal to what npm started, and to nothing else: the shell between must not keep it.
    issuer.process.kill('SIGINT');
    expect((await issuer.ended).code).toBe(0);
    expect(nothingRuns()).toBe(true);
  });

  it('commands work beside an issuer, and a second issuer is told who is in the way', async () => {
    const issuer = await serve('--demo');
    const second = start(['serve', '--json'], { ...env, TOOLGRANT_PORT: String(await findFreePort()) });
    const made = await run('user', 'create', '--email', 'ann@example.com', '--admin', '--json');
    expect(jsonOf(made)).toMatchObject({ email: 'ann@example.com', admin: true });
    const servers = jsonOf<object[]>(await run('server', 'list', '--json'));
    expect(servers).toMatchObject([{ resource: `http://localhost:${ports.demo}/mcp`, demo: true, tools: expect.any(Number) }]);
    expect((await second.ended).code).toBe(1);
    expect(problemOf(await second.ended).message).toMatch(
      new RegExp(`data folder ${folder} is in use by process ${issuer.process.pid} .*TOOLGRANT_DATA_DIR`),
    );
    expect(await issuerAnswers()).toBe(200);
  });

  it('ABUSE-81: kill -9, and it starts again with what it had; without --demo the demo account is shut, and there is no link', async () => {
    const killed = await serve('--demo');
    killed.process.kill('SIGKILL');
    await killed.ended;
    const issuer = await serve();
    expect(issuer.err()).not.toContain('/link/');
    expect(issuer.err()).not.toContain('Demo');
    expect(issuer.out()).toContain('the demo account and the credentials of the demo server are removed');
    expect(await users()).toMatchObject([
      { email: 'ann@example.com', admin: true, disabled: false },
      { email: 'demo@example.com', disabled: true, hasPassword: false },
    ]);
    // A second Ctrl-C ends at once, though somebody is still being served; the database goes all the same.
    const half = await beginRequest(ports.issuer);
    const impatience = setInterval(() => issuer.process.kill('SIGINT'), 100);
    expect((await issuer.ended).code).toBe(130);
    clearInterval(impatience);
    half.abandon();
    expect(await waitUntil(nothingRuns, 20_000)).toBe(true);
  });

  it('commands work without an issuer, and leave nothing running', async () => {
    expect((await users()).map(({ email }) => email)).toEqual(['ann@example.com', 'demo@example.com']);
    expect(jsonOf(await run('migrate', '--json'))).toMatchObject({ applied: [], database: 'embedded' });
    // Two at once: one waits for the other's database.
    const both = await Promise.all([run('keys', 'list', '--json'), run('user', 'list', '--json')]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(nothingRuns()).toBe(true);
  });

  it('a port in use: says which, and leaves nothing running', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(ports.demo, '127.0.0.1', resolve));
    const { code, out, err } = await run('serve', '--demo');
    await new Promise((resolve) => other.close(resolve));
    expect(code).toBe(1);
    expect(err).toBe(
      `Port ${ports.demo}, for the demo server, is in use by another program. Stop that program, or set TOOLGRANT_DEMO_PORT to another port.\n`,
    );
    expect(out).not.toContain('"error"');
    expect(nothingRuns()).toBe(true);
  });

  it('ABUSE-55: without the secret that the keys were sealed under it refuses to start, and says why', async () => {
    const path = join(folder, 'secret');
    const secret = readFileSync(path, 'utf8');
    await writeFile(path, `${'A'.repeat(42)}E\n`);
    const other = await run('serve', '--json');
    await writeFile(path, 'cut short');
    const damaged = await run('serve', '--json');
    await writeFile(path, secret);
    expect([other.code, damaged.code]).toEqual([1, 1]);
    expect(problemOf(other).message).toContain(`do not open with the secret in ${path}.`);
    expect(problemOf(damaged).message).toContain(`The secret in ${path} is damaged`);
    expect(nothingRuns()).toBe(true);
  });

  it('a file where the data folder should be', async () => {
    const path = join(base, 'file');
    await writeFile(path, '');
    const { code, err } = await start(['serve'], { ...env, TOOLGRANT_DATA_DIR: path }).ended;
    expect(code).toBe(1);
    expect(err).toMatch(/is in the way: a folder is needed there\. .*TOOLGRANT_DATA_DIR/);
  });

  it('a data folder where no folder can be made', async () => {
    const { code, err } = await start(['serve'], { ...env, TOOLGRANT_DATA_DIR: '/proc/nowhere/data' }).ended;
    expect(code).toBe(1);
    expect(err).toContain('No folder /proc/nowhere can be made. Name another one in TOOLGRANT_DATA_DIR');
  });
});
