import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiKeyId } from '../../src/domain/ids.ts';
import { revokeApiKey } from '../../src/services/manage-api-keys.ts';
import { toolNamed } from '../support/consent-scene.ts';
import { findFreePort } from '../support/free-port.ts';
import { startIssuer, type TestIssuer, type TestServer } from '../support/issuer.ts';
import { makeApiKey } from '../support/machine.ts';

const root = resolve(import.meta.dirname, '../..');
const example = join(root, 'docs/examples/api-key-server.ts');

let issuer: TestIssuer;
let folder: string;
let program: ChildProcess;
let server: TestServer;
let base: string;

beforeAll(async () => {
  issuer = await startIssuer();
  const port = await findFreePort();
  base = `http://localhost:${port}`;
  server = await issuer.addServer([toolNamed('read_notes'), toolNamed('erase_notes', 'destructive')], `${base}/mcp`);
  // The example as it is, at ports of the test's own; inside the checkout, where it finds the library by its name.
  folder = await mkdtemp(join(root, '.tmp', 'example-'));
  const text = await readFile(example, 'utf8');
  await writeFile(join(folder, 'server.ts'), text.replace('http://localhost:4000', issuer.url).replaceAll('3000', String(port)));
  const env = { PATH: process.env.PATH, NOTES_CREDENTIAL: `${server.serverId}:${server.credential}` };
  program = spawn(process.execPath, ['server.ts'], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], env });
  await waitUntilItAnswers();
});
afterAll(async () => {
  const ended = new Promise((done) => program.once('exit', done));
  program.kill();
  await ended;
  await rm(folder, { recursive: true });
  await issuer.stop();
});

async function waitUntilItAnswers(): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const answered = await fetch(base).catch(() => undefined);
    if (answered) return;
    if (program.exitCode !== null) throw new Error(`the example ended: ${program.stderr?.read()}`);
    await sleep(50);
  }
  throw new Error('the example does not answer');
}

function read(key?: string): Promise<Response> {
  return fetch(`${base}/notes`, { headers: key === undefined ? {} : { authorization: `Bearer ${key}` } });
}

describe('the example with API keys of the README', () => {
  it('is the text that stands there', async () => {
    const readme = await readFile(join(root, 'README.md'), 'utf8');
    expect(readme).toContain(`\`\`\`ts\n${await readFile(example, 'utf8')}\`\`\``);
  });

  it('ABUSE-63: lets a key read the notes that may, and nobody else', async () => {
    const good = await makeApiKey(issuer, { server, tools: ['read_notes'] });
    const other = await makeApiKey(issuer, { server, tools: ['erase_notes'] });
    const revoked = await makeApiKey(issuer, { server, tools: ['read_notes'] });
    const { runtime, tenant } = issuer;
    await revokeApiKey(runtime, tenant, { id: revoked.id as ApiKeyId, reason: 'revoked-by-admin', origin: { actorType: 'operator' } });
    const answer = await read(good.secret);
    expect([answer.status, await answer.json()]).toEqual([200, ['Buy milk.']]);
    const refused = await Promise.all([read(), read('tgk_wrong'), read(revoked.secret), read(other.secret)]);
    expect(refused.map(({ status }) => status)).toEqual([401, 401, 401, 403]);
  });
});
