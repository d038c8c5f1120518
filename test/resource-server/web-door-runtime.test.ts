import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { createContext, type Module, SourceTextModule } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { importsOf, resolveImport } from '../architecture/import-graph.ts';
import { root } from '../architecture/source-tree.ts';
import { FakeIssuer, ISSUER, makeKey, RESOURCE } from './fake-issuer.ts';
import { rpc } from './rpc-over-http.ts';

const door = 'src/resource-server/web.ts';

/** All that a file imports, through files of ours: their paths, and the names of packages. */
function graphOf(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  if (!file.startsWith('src/')) return found;
  for (const source of importsOf(readFileSync(join(root, file), 'utf8'))) graphOf(resolveImport(file, source), found);
  return found;
}

/** What every web-standard runtime has, and nothing of Node: no `process`, no `Buffer`, no `setImmediate`, no `require`. */
const webGlobals = Object.fromEntries(
  (
    'AbortController AbortSignal Blob CryptoKey DecompressionStream Headers ReadableStream Request Response TextDecoder TextEncoder ' +
    'TransformStream URL URLSearchParams atob btoa crypto fetch structuredClone Uint8Array ArrayBuffer'
  )
    .split(' ')
    .map((name) => [name, (globalThis as Record<string, unknown>)[name]]),
);

/** Loads a module and all that it imports into a realm of its own. */
async function loadInRealm(entry: string): Promise<Record<string, unknown>> {
  const context = createContext({ ...webGlobals });
  const modules = new Map<string, SourceTextModule>();
  const load = (path: string): SourceTextModule => {
    const known = modules.get(path);
    if (known !== undefined) return known;
    const text = readFileSync(path, 'utf8');
    const module = new SourceTextModule(path.endsWith('.ts') ? stripTypeScriptTypes(text) : text, { context, identifier: path });
    modules.set(path, module);
    return module;
  };
  const link = (source: string, from: Module): Module =>
    load(source === 'jose' ? join(root, 'node_modules/jose/dist/webapi/index.js') : join(from.identifier, '..', source));
  const module = load(join(root, entry));
  await module.link(link);
  await module.evaluate();
  return module.namespace as Record<string, unknown>;
}

describe('the web door', () => {
  it('imports jose and nothing else, least of all from Node', () => {
    const foreign = [...graphOf(door), ...graphOf('src/resource-server/index.ts')].filter((name) => !name.startsWith('src/'));
    expect([...new Set(foreign)]).toEqual(['jose']);
    expect([...graphOf(door)].filter((name) => /\/node-|express|koa/.test(name))).toEqual([]);
  });

  it('runs where there are only the globals of the web', async () => {
    const issuer = new FakeIssuer({ key: await makeKey('key-1') });
    const { protect } = (await loadInRealm(door)) as typeof import('../../src/resource-server/web.ts');
    const enter = protect({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch });
    const ask = async (body: unknown, scope: string) => {
      const headers = { authorization: `Bearer ${await issuer.token({ scope })}`, 'content-type': 'application/json' };
      const request = new Request(RESOURCE, { method: 'POST', headers, body: JSON.stringify(body) });
      return enter(request, () => Response.json({ jsonrpc: '2.0', id: 1, result: { tools: [{ name: 'a' }, { name: 'b' }] } }));
    };
    expect(await (await ask(rpc('tools/list'), 'tool:b')).json()).toMatchObject({ result: { tools: [{ name: 'b' }] } });
    expect((await ask(rpc('tools/call', { name: 'a' }), 'tool:b')).status).toBe(403);
    const selected = { scope: 'tools.listed', selection: issuer.select(['a']) };
    const headers = { authorization: `Bearer ${await issuer.token(selected)}`, 'content-type': 'application/json' };
    const request = new Request(RESOURCE, { method: 'POST', headers, body: JSON.stringify(rpc('tools/call', { name: 'a' })) });
    expect((await enter(request, () => new Response('ran'))).status).toBe(200);
    expect((await enter(new Request(RESOURCE), () => new Response('ran'))).status).toBe(401);
  });
});
