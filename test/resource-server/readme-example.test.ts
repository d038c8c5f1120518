import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ServerId } from '../../src/domain/ids.ts';
import { createGuardedFetch } from '../../src/platform/guarded-fetch.ts';
import { addServer } from '../../src/services/add-server.ts';
import { rotateServerCredential } from '../../src/services/rotate-server-credential.ts';
import { findFreePort } from '../support/free-port.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { makeApiKey } from '../support/machine.ts';
import { connect, registerTestClient } from '../support/oauth-client.ts';
import { resultOf, rpc, type Sent, send } from './rpc-over-http.ts';

const root = resolve(import.meta.dirname, '../..');
const example = join(root, 'docs/examples/express-server.ts');

let issuer: TestIssuer;
let folder: string;
let server: ChildProcess;
let resource: string;
beforeAll(async () => {
  issuer = await startIssuer();
  const port = await findFreePort();
  resource = `http://localhost:${port}/mcp`;
  // The example as it is, at ports of the test's own; inside the checkout, where it finds the library by its name.
  folder = await mkdtemp(join(root, '.tmp', 'example-'));
  const text = await readFile(example, 'utf8');
  await writeFile(join(folder, 'server.ts'), text.replace('http://localhost:4000', issuer.url).replaceAll('3000', String(port)));
  await start({});
});
afterAll(async () => {
  await stop();
  await rm(folder, { recursive: true });
  await issuer.stop();
});

async function start(env: Record<string, string>): Promise<void> {
  server = spawn(process.execPath, ['server.ts'], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env } });
  await waitUntilItAnswers(resource);
}

async function stop(): Promise<void> {
  const ended = new Promise((done) => server.once('exit', done));
  server.kill();
  await ended;
}

async function waitUntilItAnswers(url: string): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const answered = await fetch(url).catch(() => undefined);
    if (answered) return;
    if (server.exitCode !== null) throw new Error(`the example ended: ${server.stderr?.read()}`);
    await sleep(50);
  }
  throw new Error('the example does not answer');
}

function call(method: string, params: unknown, token?: string): Promise<Sent> {
  return send(resource, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(rpc(method, params)),
  });
}

describe('the example of the README', () => {
  it('is the text that stands there', async () => {
    const readme = await readFile(join(root, 'README.md'), 'utf8');
    expect(readme).toContain(`\`\`\`ts\n${await readFile(example, 'utf8')}\`\`\``);
  });

  it('lets a person allow one tool, and refuses the other', async () => {
    const fetch = createGuardedFetch({ profile: 'admin', issuerIsLoopback: true });
    const added = await addServer(issuer.runtime, issuer.tenant, { resource, name: 'Notes', fetch, origin: { actorType: 'operator' } });
    await fetch.close();
    expect(added).toMatchObject({ ok: true, change: { added: ['read_notes', 'erase_notes'], leftOut: [] } });

    const anonymous = await call('tools/list', {});
    expect(anonymous.status).toBe(401);
    expect(anonymous.headers.get('www-authenticate')).toContain('resource_metadata=');

    const client = await registerTestClient(issuer);
    const person = await issuer.addPerson();
    const decision = { tools: ['read_notes'] };
    const { access_token: token } = await connect(issuer, { client, person, server: { resource }, scope: 'tools', decision });
    const listed = resultOf(await call('tools/list', {}, token)) as { tools: { name: string }[] };
    expect(listed.tools.map(({ name }) => name)).toEqual(['read_notes']);
    expect(resultOf(await call('tools/call', { name: 'read_notes', arguments: {} }, token))).toMatchObject({
      content: [{ type: 'text', text: 'Buy milk.' }],
    });
    const refused = await call('tools/call', { name: 'erase_notes', arguments: {} }, token);
    expect(refused.status).toBe(403);
    expect(refused.headers.get('www-authenticate')).toContain('scope="tool:erase_notes"');
  });

  it('ABUSE-63: accepts API keys once it knows its credential, each for its tools', async () => {
    const { id: serverId } = await issuer.runtime.store.server.findFirstOrThrow();
    const { secret } = await makeApiKey(issuer, { server: { serverId }, tools: ['read_notes'] });
    const statusOf = async (tool: string, key: string) => (await call('tools/call', { name: tool, arguments: {} }, key)).status;
    expect(await statusOf('read_notes', secret)).toBe(401);

    const rotated = await rotateServerCredential(issuer.runtime, issuer.tenant, {
      serverId: serverId as ServerId,
      origin: { actorType: 'operator' },
    });
    if (!rotated.ok) throw new Error(rotated.problem);
    await stop();
    await start({ NOTES_CREDENTIAL: `${serverId}:${rotated.credential}` });
    expect([await statusOf('read_notes', secret), await statusOf('erase_notes', secret)]).toEqual([200, 403]);
    expect(await statusOf('read_notes', `${secret.slice(0, -1)}_`)).toBe(401);
    const { text } = await call('tools/list', {}, secret);
    expect([text.includes('read_notes'), text.includes('erase_notes')]).toEqual([true, false]);
  });
});
