import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findFreePort } from '../support/free-port.ts';
import { obtainNode } from '../support/other-node.ts';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../..');
const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
const started: ChildProcess[] = [];
let place: string;

beforeAll(async () => {
  // Outside the checkout: whatever a package forgets to bring must not be found in a folder above it.
  place = await realpath(await mkdtemp(join(tmpdir(), 'packages-')));
  await run(process.execPath, ['scripts/build/main.ts'], { cwd: root });
  await run('npm', ['pack', '--silent', '--pack-destination', place, './dist/toolgrant', './dist/resource-server'], { cwd: root });
  await Promise.all(['product', 'library'].map((name) => makeProject(name)));
});
afterAll(async () => {
  await Promise.all(started.map(stop));
  await rm(place, { recursive: true, force: true });
});

async function makeProject(name: string): Promise<void> {
  await mkdir(join(place, name));
  await writeFile(join(place, name, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
}

async function tarball(start: RegExp): Promise<string> {
  const name = (await readdir(place)).find((file) => start.test(file));
  if (name === undefined) throw new Error('nothing was packed');
  return join(place, name);
}

async function filesOf(name: string): Promise<string[]> {
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json', `./dist/${name}`], { cwd: root });
  const [packed] = Object.values(JSON.parse(stdout) as Record<string, { files: { path: string }[] }>);
  return (packed?.files ?? []).map(({ path }) => path);
}

function start(command: string, args: readonly string[], options: { cwd: string; env?: NodeJS.ProcessEnv }): ChildProcess {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  started.push(child);
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((done) => child.once('exit', done));
  child.kill();
  await ended;
}

async function waitForAnswer(url: string, child: ChildProcess): Promise<Response> {
  for (let tries = 0; tries < 600; tries += 1) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer !== undefined && answer.status < 500) return answer;
    if (child.exitCode !== null) throw new Error(`it ended: ${child.stderr?.read()}`);
    await sleep(100);
  }
  throw new Error(`${url} does not answer`);
}

describe('what is packed', () => {
  it.each(['toolgrant', 'resource-server'])(
    '%s: compiled code, its types and maps that hold their sources; no tests, no TypeScript',
    async (name) => {
      const files = await filesOf(name);
      expect(files).toEqual(expect.arrayContaining(['package.json', 'README.md', 'LICENSE']));
      expect(files.filter((path) => /(^|\/)(test|scripts|src|node_modules)\/|(?<!\.d)\.ts$|\.env/.test(path))).toEqual([]);
      const maps = files.filter((path) => path.endsWith('.js.map'));
      expect(maps).toHaveLength(files.filter((path) => path.endsWith('.js') && path.startsWith('lib/')).length);
      const map = JSON.parse(await readFile(join(root, 'dist', name, maps[0] ?? ''), 'utf8')) as {
        sources: string[];
        sourcesContent?: string[];
      };
      expect(map.sourcesContent).toHaveLength(map.sources.length);
    },
  );

  it.each(['toolgrant', 'resource-server'])('%s: whatever its manifest names is in it, types as well as code', async (name) => {
    const files = await filesOf(name);
    const { exports: doors, bin } = JSON.parse(await readFile(join(root, 'dist', name, 'package.json'), 'utf8')) as {
      exports: Record<string, string | { types: string; default: string }>;
      bin?: Record<string, string>;
    };
    const named = Object.values(doors).flatMap((door) => (typeof door === 'string' ? [door] : [door.types, door.default]));
    expect(named.filter((path) => path.endsWith('.d.ts'))).toHaveLength(6);
    for (const path of [...named, ...Object.values(bin ?? {})]) expect(files).toContain(path.replace(/^\.\//, ''));
  });
});

describe('the packages, installed in empty folders', () => {
  let issuer: string;
  let env: NodeJS.ProcessEnv;
  const product = () => join(place, 'product');
  const toolgrant = (...args: string[]) =>
    run(process.execPath, [join(product(), 'node_modules/toolgrant/lib/main.js'), ...args], { cwd: product(), env });

  beforeAll(async () => {
    await run('npm', [...install, '--omit=dev', await tarball(/^toolgrant-\d/)], { cwd: product() });
    const port = await findFreePort();
    issuer = `http://localhost:${port}`;
    env = { PATH: process.env['PATH'], TOOLGRANT_PORT: String(port), TOOLGRANT_ISSUER: issuer };
  });

  it('the product on Node 24, without development dependencies: --help, config check, serve', async () => {
    const installed = await readdir(join(product(), 'node_modules'));
    expect(installed.filter((name) => ['prisma', 'typescript', 'jest', '@swc', 'node'].includes(name))).toEqual([]);
    expect(await readdir(join(product(), 'node_modules/.bin'))).toContain('toolgrant');
    expect((await toolgrant('--help')).stdout).toContain('serve');
    expect((await toolgrant('config', 'check')).stdout).toContain(issuer);

    const serving = start(process.execPath, [join(product(), 'node_modules/toolgrant/lib/main.js'), 'serve'], { cwd: product(), env });
    expect((await waitForAnswer(`${issuer}/readyz`, serving)).status).toBe(200);
    const metadata = await fetch(`${issuer}/.well-known/oauth-authorization-server`);
    expect(await metadata.json()).toMatchObject({ issuer, token_endpoint: `${issuer}/token` });
    const page = await fetch(`${issuer}/`);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/html')]);
  });

  it('the library brings jose and nothing else', async () => {
    const cwd = join(place, 'library');
    await run('npm', [...install, await tarball(/^toolgrant-resource-server/)], { cwd });
    expect((await readdir(join(cwd, 'node_modules'))).filter((name) => !name.startsWith('.'))).toEqual(['@toolgrant', 'jose']);
  });

  it('the lines of its README are a whole server, on Node 20, 22 and 24', async () => {
    const cwd = join(place, 'library');
    const { dependencies, devDependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Record<
      'dependencies' | 'devDependencies',
      Record<string, string>
    >;
    const all = { ...dependencies, ...devDependencies };
    const names = ['express', 'koa', '@types/express', '@types/koa', '@types/node', '@modelcontextprotocol/sdk', 'typescript'];
    const older = ['express-4@npm:express@4.21.2', 'koa-2@npm:koa@2.16.1'];
    await run('npm', [...install, ...names.map((name) => `${name}@${all[name]}`), ...older], { cwd });

    const readme = await readFile(join(cwd, 'node_modules/@toolgrant/resource-server/README.md'), 'utf8');
    const example = /## A whole server[\s\S]*?```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
    expect(example).toContain("from '@toolgrant/resource-server/express'");
    const cases = [
      { node: await obtainNode('20.20.2'), framework: 'express-4' },
      { node: await obtainNode('22.23.3'), framework: 'express' },
      { node: process.execPath, framework: 'express' },
    ];
    for (const { node, framework } of cases) {
      const port = await findFreePort();
      const resource = `http://localhost:${port}/mcp`;
      const file = join(cwd, `server-${port}.js`);
      const lines = example.replace('http://localhost:4000', issuer).replaceAll('3000', String(port));
      await writeFile(file, lines.replace("from 'express'", `from '${framework}'`));
      const server = start(node, [file], { cwd });
      expect((await waitForAnswer(resource, server)).headers.get('www-authenticate')).toContain('resource_metadata=');
      // The issuer comes with a token of its own to read the tools: it is verified by the library, over HTTP.
      const added = await toolgrant('server', 'add', resource, '--name', `Notes ${port}`);
      expect(added.stdout).toContain('2 tools.');
      await stop(server);
    }
  });

  it.each(['koa', 'koa-2'])('the door for Koa stands in %s', async (framework) => {
    const cwd = join(place, 'library');
    const port = await findFreePort();
    const options = JSON.stringify({ issuer, resource: `http://localhost:${port}/mcp` });
    const lines = [
      `import Koa from '${framework}';`,
      "import { protect } from '@toolgrant/resource-server/koa';",
      `new Koa().use(protect(${options})).use((context) => { context.body = 'in'; }).listen(${port});`,
    ];
    await writeFile(join(cwd, `${framework}.js`), lines.join('\n'));
    const server = start(process.execPath, [`${framework}.js`], { cwd });
    const refused = await waitForAnswer(`http://localhost:${port}/mcp`, server);
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, expect.stringContaining('resource_metadata=')]);
    const document = await fetch(`http://localhost:${port}/.well-known/oauth-protected-resource/mcp`);
    expect(await document.json()).toMatchObject({ authorization_servers: [issuer] });
    const headers = { authorization: 'Bearer x', 'content-type': 'application/json' };
    expect((await fetch(`http://localhost:${port}/mcp`, { method: 'POST', headers, body: '{}' })).status).toBe(401);
    await stop(server);
  });

  it.each([
    ['nodenext', 'nodenext'],
    ['bundler', 'esnext'],
  ])('its types hold in a consumer with moduleResolution %s, declarations checked too', async (moduleResolution, module) => {
    const cwd = join(place, 'library');
    await writeFile(join(cwd, 'consumer.ts'), consumer);
    const compilerOptions = { moduleResolution, module, target: 'es2022', lib: ['es2023', 'dom'], types: ['node'], strict: true };
    const config = { compilerOptions: { ...compilerOptions, noEmit: true, skipLibCheck: false }, files: ['consumer.ts'] };
    await writeFile(join(cwd, 'tsconfig.json'), JSON.stringify(config));
    const { stdout } = await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], { cwd }).catch((error) => error);
    // Not ours: `@types/koa` names a type that a package it imports no longer has.
    expect(stdout.split('\n').filter((line: string) => line !== '' && !line.startsWith('node_modules/@types/koa/'))).toEqual([]);
  });
});

const consumer = `
import { type Access, AccessError, createVerifier } from '@toolgrant/resource-server';
import { protect } from '@toolgrant/resource-server/express';
import { accessOf, protect as protectKoa } from '@toolgrant/resource-server/koa';
import { createTokenVerifier } from '@toolgrant/resource-server/mcp-sdk-v1';
import { protect as protectWeb } from '@toolgrant/resource-server/web';
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import express from 'express';
import Koa from 'koa';

const options = { issuer: 'https://auth.example', resource: 'https://mcp.example/mcp' };
const verifier = createVerifier(options);
const access: Access = await verifier.verify('Bearer x');
const allowed: boolean = access.allows('delete_issue');
const failed = (error: unknown): string => (error instanceof AccessError ? error.code : 'unknown');
const app = express();
app.use(protect(verifier));
const koa = new Koa();
koa.use(protectKoa({ ...options, denial: 'result' }));
koa.use((context) => { context.body = accessOf(context.state.auth)?.tools; });
const door = protectWeb(options);
const answer: Promise<Response> = door(new Request('https://mcp.example/mcp'), (request, { auth, body }) => Response.json({ auth, body, at: request.url }));
const tokens = createTokenVerifier(options, { InvalidTokenError });
// @ts-expect-error: there is no such option
createVerifier({ ...options, isuer: '' });
export { allowed, answer, failed, tokens };
`;
