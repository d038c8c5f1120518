import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { formatToolScope } from '../../src/resource-server/scope.ts';
import { root } from '../architecture/source-tree.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { connect, registerTestClient } from '../support/oauth-client.ts';
import { FakeIssuer, makeKey, RESOURCE } from './fake-issuer.ts';

/** What the page's code makes of a server. */
interface Checker {
  readonly issuer: string;
}

interface Caller {
  readonly subject: string;
  readonly tools: Set<string>;
  readonly scopes: Set<string>;
}

/** What the page's blocks export, put together. */
interface Page {
  makeServer(issuer: string, resource: string, now?: () => number): Checker;
  check(server: Checker, request: Request): Promise<Caller>;
  judge(caller: Caller, message: { method: string; params?: unknown }): void;
  answerTo(server: Checker, refusal: unknown): [number, Record<string, string>];
  documentUrl(server: { resource: string }): string;
  documentOf(server: { issuer: string; resource: string }): unknown;
}

let folder: string;
let page: Page;
let text: string;
beforeAll(async () => {
  text = await readFile(join(root, 'docs/resource-servers.md'), 'utf8');
  const blocks = [...text.matchAll(/^```js\n([\s\S]*?)^```/gm)].map(([, code]) => code);
  await mkdir(join(root, '.tmp'), { recursive: true });
  folder = await mkdtemp(join(root, '.tmp', 'any-language-'));
  await writeFile(join(folder, 'page.mjs'), blocks.join('\n'));
  page = (await import(pathToFileURL(join(folder, 'page.mjs')).href)) as Page;
});
afterAll(() => rm(folder, { recursive: true }));

/** The answer to a request with these credentials: 200 when it may pass. */
async function answer(checker: Checker, authorization: string | undefined, query = ''): Promise<[number, string | undefined]> {
  try {
    await page.check(checker, new Request(RESOURCE + query, { headers: authorization === undefined ? {} : { authorization } }));
    return [200, undefined];
  } catch (error) {
    const [status, headers] = page.answerTo(checker, error);
    return [status, headers['www-authenticate']];
  }
}

describe('docs/resource-servers.md', () => {
  it('uses jose, zlib and the platform only; rules are numbered without a gap', () => {
    expect([...text.matchAll(/^import .* from '(.*)';$/gm)].map(([, name]) => name)).toEqual(['node:crypto', 'node:zlib', 'jose']);
    const sections = [...text.matchAll(/^## (\d+)\. /gm)].map(([, number]) => Number(number));
    expect(sections).toEqual(sections.map((_, index) => index + 1));
    for (const section of sections) {
      const rules = [...text.matchAll(new RegExp(`^- \\*\\*${section}\\.(\\d+)\\*\\*`, 'gm'))].map(([, number]) => Number(number));
      expect(rules).toEqual(rules.map((_, index) => index + 1));
    }
  });
});

describe('a server that follows the page', () => {
  let web: Server;
  let issuer: FakeIssuer;
  let checker: Checker;
  let nowMs: number;
  beforeAll(async () => {
    web = createServer(async (request, response) => {
      const sent = await issuer
        .fetch(new URL(request.url ?? '', issuer.issuer).href, {
          method: 'GET',
          headers: {},
          redirect: 'manual',
          signal: AbortSignal.timeout(1_000),
        })
        .catch(() => new Response(null, { status: 502 }));
      response.writeHead(sent.status, Object.fromEntries(sent.headers)).end(Buffer.from(await sent.arrayBuffer()));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => web.once('listening', resolve));
  });
  afterAll(() => {
    web.closeAllConnections();
    web.close();
  });
  const key = makeKey('key-1');
  beforeEach(async () => {
    nowMs = Date.now();
    const url = `http://127.0.0.1:${(web.address() as AddressInfo).port}/t/acme`;
    issuer = new FakeIssuer({ key: await key, issuer: url, now: () => new Date(nowMs) });
    checker = page.makeServer(url, RESOURCE, () => nowMs);
  });
  const withToken = async (...token: Parameters<FakeIssuer['token']>) => answer(checker, `Bearer ${await issuer.token(...token)}`);
  const good = [200, undefined];
  const invalid = [401, expect.stringContaining('error="invalid_token"')];

  it('accepts a good token', async () => {
    expect(await withToken()).toEqual(good);
  });

  it('1.1 believes no metadata of another issuer', async () => {
    issuer.instead.set('/.well-known/oauth-authorization-server/t/acme', () =>
      Response.json({ issuer: `${issuer.issuer}/`, jwks_uri: `${issuer.issuer}/jwks` }),
    );
    expect(await withToken()).toEqual([503, undefined]);
  });

  it('1.2 follows no redirect', async () => {
    issuer.instead.set('/t/acme/jwks', () => new Response(null, { status: 302, headers: { location: '/elsewhere' } }));
    expect(await withToken()).toEqual([503, undefined]);
  });

  it('1.3 finds a new key, and asks for unknown ones once in ten seconds', async () => {
    await withToken();
    nowMs += 11_000;
    issuer.keys = [await makeKey('key-2'), ...issuer.keys];
    expect(await withToken()).toEqual(good);
    for (let count = 0; count < 5; count += 1) expect(await withToken({}, { header: { kid: `made-up-${count}` } })).toEqual(invalid);
    expect(issuer.count('/jwks')).toBe(2);
  });

  it('1.3 finds the key of a list that a new key signed', async () => {
    const authorization = `Bearer ${await issuer.token()}`;
    await answer(checker, authorization);
    nowMs += 11_000;
    issuer.keys = [await makeKey('key-2'), ...issuer.keys];
    issuer.revoked.add(7);
    expect(await answer(checker, authorization)).toEqual(invalid);
  });

  it('2 takes the token from the header alone', async () => {
    expect(await answer(checker, undefined)).toEqual([401, expect.not.stringContaining('error=')]);
    expect(await answer(checker, 'Basic YTpi')).toEqual([401, expect.not.stringContaining('error=')]);
    expect(await answer(checker, 'Bearer a b')).toEqual(invalid);
    const token = await issuer.token();
    expect((await answer(checker, `Bearer ${token}`, `?access_token=${token}`))[0]).toBe(400);
  });

  it('3 refuses other algorithms, types and keys', async () => {
    const edwards = await makeKey('ed', 'EdDSA');
    issuer.keys.push(edwards);
    expect(await withToken({}, { key: edwards })).toEqual(invalid);
    for (const header of [
      { typ: 'JWT' },
      { typ: 'statuslist+jwt' },
      { typ: undefined },
      { kid: undefined },
      { jku: 'https://evil.example' },
    ]) {
      expect(await withToken({}, { header })).toEqual(invalid);
    }
    expect(await withToken({}, { key: { ...(await makeKey('x')), kid: 'key-1' } })).toEqual(invalid);
    const [, payload] = (await issuer.token()).split('.');
    const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt', kid: 'key-1' })).toString('base64url');
    expect(await answer(checker, `Bearer ${none}.${payload}.`)).toEqual(invalid);
  });

  it.each<[string, Record<string, unknown>]>([
    ['4.1', { iss: 'https://evil.example' }],
    ['4.1', { aud: 'http://localhost:4002/mcp' }],
    ['4.1', { aud: `${RESOURCE}/` }],
    ['4.1', { aud: [RESOURCE, 'http://localhost:4002/mcp'] }],
    ['4.2', { exp: 1_700_000_000 }],
    ['4.2', { exp: undefined }],
    ['4.2', { nbf: 9_000_000_000 }],
    ['4.2', { sub: undefined }],
    ['4.2', { client_id: undefined }],
    ['4.2', { jti: undefined }],
    ['4.3', { cnf: { jkt: 'x' } }],
    ['5.1', { status: { status_list: { idx: 0, uri: 'https://evil.example/status/0' } } }],
    ['5.1', { status: null }],
  ])('%s refuses %j', async (_rule, claims) => {
    expect(await withToken(claims)).toEqual(invalid);
  });

  it('5.1 fetches no list by a way around', async () => {
    const uri = `${issuer.issuer}/status/../jwks`;
    expect(await withToken({ status: { status_list: { idx: 0, uri } } })).toEqual(invalid);
  });

  it('5.2 believes no list of another type, place or signer', async () => {
    const others = [{ typ: 'at+jwt' }, { key: { ...(await makeKey('x')), kid: 'key-1' } }];
    const lists = await Promise.all(others.map((options) => issuer.statusListToken({}, options)));
    for (const list of [...lists, await issuer.statusListToken({ sub: `${issuer.issuer}/status/1` })]) {
      issuer.instead.set('/t/acme/status/0', () => new Response(list));
      expect(await withToken()).toEqual([503, undefined]);
    }
  });

  it('5.3 reads the right bit, from the lowest; beyond the end there is no permission', async () => {
    issuer.revoked.add(9);
    const at = (idx: number) => withToken({ status: { status_list: { idx, uri: `${issuer.issuer}/status/0` } } });
    expect(await Promise.all([8, 9, 10, 14, 1023].map(at))).toEqual([good, invalid, good, good, good]);
    expect(await at(1024)).toEqual(invalid);
  });

  it('5.4 sees a revocation once the list is ten seconds old; many requests share one fetch', async () => {
    const authorization = `Bearer ${await issuer.token()}`;
    expect(await Promise.all(Array.from({ length: 20 }, () => answer(checker, authorization)))).toEqual(Array(20).fill(good));
    expect(issuer.count('/status/')).toBe(1);
    issuer.revoked.add(7);
    nowMs += 10_001;
    expect(await answer(checker, authorization)).toEqual(invalid);
  });

  it('5.5 goes on for five minutes while the issuer is away, then 503, never 401', async () => {
    const authorization = `Bearer ${await issuer.token()}`;
    await answer(checker, authorization);
    issuer.isDown = true;
    nowMs += 299_000;
    expect(await answer(checker, authorization)).toEqual(good);
    nowMs += 2_000;
    expect(await answer(checker, authorization)).toEqual([503, undefined]);
  });

  it('6 reads scopes as the library writes them, and no other spelling', async () => {
    const names = ['list_issues', 'löschen!', 'a b', '100%', '"quoted"', '工具'];
    const scope = [...names.map(formatToolScope), 'tool:%61bc', 'tool:l%c3%b6', 'tool:', 'tool:%ZZ', 'tools', 'tools.read', 'resources'];
    const request = new Request(RESOURCE, { headers: { authorization: `Bearer ${await issuer.token({ scope: scope.join(' ') })}` } });
    const caller = await page.check(checker, request);
    expect([...caller.tools]).toEqual(names);
    expect(caller.scopes.has('resources')).toBe(true);
  });

  it('7 takes the tools of a selection document, by its hash', async () => {
    const selection = issuer.select(['a', 'b']);
    const token = await issuer.token({ scope: 'tools.listed', selection });
    const caller = await page.check(checker, new Request(RESOURCE, { headers: { authorization: `Bearer ${token}` } }));
    expect([...caller.tools]).toEqual(['a', 'b']);
    await answer(checker, `Bearer ${token}`);
    expect(issuer.count('/selections/')).toBe(1);
    for (const none of [undefined, '../jwks', 'x']) expect(await withToken({ scope: 'tools.listed', selection: none })).toEqual(invalid);
    const other = issuer.select(['c']);
    issuer.selections.set(other, '{"tools":[{"name":"z"}]}');
    expect(await withToken({ scope: 'tools.listed', selection: other })).toEqual([503, undefined]);
  });

  it('8 and 9 refuse a call with exactly what it lacks', () => {
    const caller = { subject: '', tools: new Set(['get_issue']), scopes: new Set(['prompts']) };
    const refusalOf = (method: string, params = {}) => {
      try {
        page.judge(caller, { method, params });
        return undefined;
      } catch (error) {
        return page.answerTo({ ...checker, resource: RESOURCE } as Checker, error);
      }
    };
    expect(refusalOf('tools/call', { name: 'get_issue' })).toBeUndefined();
    expect(refusalOf('prompts/get')).toBeUndefined();
    expect(refusalOf('resources/read')?.[0]).toBe(403);
    expect(refusalOf('tools/call', { name: 'delete it' })).toEqual([
      403,
      expect.objectContaining({
        'www-authenticate':
          'Bearer error="insufficient_scope", scope="tool:delete%20it", resource_metadata="http://localhost:4001/.well-known/oauth-protected-resource/mcp"',
      }),
    ]);
  });

  it('10 publishes the document where clients look', () => {
    expect(page.documentUrl({ resource: RESOURCE })).toBe('http://localhost:4001/.well-known/oauth-protected-resource/mcp');
    expect(page.documentOf({ issuer: issuer.issuer, resource: RESOURCE })).toMatchObject({ authorization_servers: [issuer.issuer] });
  });
});

describe('at a real issuer', () => {
  let issuer: TestIssuer;
  beforeAll(async () => {
    issuer = await startIssuer();
  });
  afterAll(() => issuer.stop());

  it('a consent is accepted, and its end is seen once the list is ten seconds old', async () => {
    const [server, client, person] = [await issuer.addServer(), await registerTestClient(issuer), await issuer.addPerson()];
    const connected = await connect(issuer, { client, person, server, scope: 'tools', decision: { tools: ['list_issues'] } });
    let aheadMs = 0;
    const checker = page.makeServer(issuer.url, server.resource, () => Date.now() + aheadMs);
    const request = new Request(server.resource, { headers: { authorization: `Bearer ${connected.access_token}` } });
    const caller = await page.check(checker, request);
    expect([caller.subject, [...caller.tools]]).toEqual([person.userId, ['list_issues']]);

    const body = new URLSearchParams({ token: connected.refresh_token ?? '', client_id: client.clientId });
    expect((await fetch(`${issuer.url}/revoke`, { method: 'POST', body })).status).toBe(200);
    aheadMs = 11_000;
    // The issuer publishes within a second.
    let isRefused = false;
    for (let tries = 0; tries < 100 && !isRefused; tries += 1) {
      isRefused = await page.check(checker, request).then(
        () => false,
        (error: { status: number }) => error.status === 401,
      );
      aheadMs += 11_000 / 20;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(isRefused).toBe(true);
  });
});
