import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createGuardedFetch, type GuardedFetch, type GuardedFetchOptions } from '../../../src/platform/guarded-fetch.ts';

let server: Server;
let base: string;
let connections: number;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
const opened: GuardedFetch[] = [];

beforeEach(async () => {
  connections = 0;
  answer = (_request, response) => response.end('hello');
  server = createServer((request, response) => answer(request, response));
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  for (const guarded of opened.splice(0)) await guarded.close();
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});

function open(options: Partial<GuardedFetchOptions> = {}): GuardedFetch {
  const guarded = createGuardedFetch({ profile: 'admin', issuerIsLoopback: true, ...options });
  opened.push(guarded);
  return guarded;
}

const port = () => new URL(base).port;

describe('a guarded fetch', () => {
  it('answers like fetch does', async () => {
    answer = (request, response) => {
      response.setHeader('content-type', 'application/json');
      response.statusCode = 201;
      response.end(
        JSON.stringify({ method: request.method, type: request.headers['content-type'], length: request.headers['content-length'] }),
      );
    };
    const response = await open()(`${base}/path`, { method: 'POST', body: 'four', headers: { 'content-type': 'text/plain' } });
    expect([response.status, response.ok, response.url]).toEqual([201, true, `${base}/path`]);
    expect(await response.json()).toEqual({ method: 'POST', type: 'text/plain', length: '4' });
    const form = await open()(new Request(`${base}/path`, { method: 'POST', body: new URLSearchParams({ a: 'b' }) }));
    expect(await form.json()).toMatchObject({ method: 'POST', type: 'application/x-www-form-urlencoded;charset=UTF-8' });
  });

  it('passes a status without a body', async () => {
    answer = (_request, response) => response.writeHead(204).end();
    const response = await open({ maxConcurrent: 1 })(base);
    expect([response.status, await response.text()]).toEqual([204, '']);
  });

  it.each([
    'http://127.0.0.1',
    'http://2130706433',
    'http://0x7f000001',
    'http://0177.0.0.1',
    'http://127.1',
    'http://0.0.0.0',
    'http://[::1]',
    'http://[::ffff:127.0.0.1]',
    'http://localhost',
  ])('ABUSE-12: %s is not connected to where loopback is forbidden', async (host) => {
    const guarded = open({ issuerIsLoopback: false });
    await expect(guarded(`${host}:${port()}/`)).rejects.toMatchObject({ name: 'OutboundFailure', reason: 'address-not-allowed' });
    expect(connections).toBe(0);
  });

  it('ABUSE-12: the issuer being on loopback opens nothing to strangers', async () => {
    const guarded = open({ profile: 'stranger', resolve: async () => [{ address: '::1', family: 6 }] });
    await expect(guarded(`https://127.0.0.1:${port()}/`)).rejects.toMatchObject({ reason: 'address-not-allowed' });
    await expect(guarded(`https://localhost:${port()}/`)).rejects.toMatchObject({ reason: 'address-not-allowed' });
    expect(connections).toBe(0);
  });

  it('ABUSE-12: one forbidden address among those of a name is enough to refuse it', async () => {
    const resolve = async () => [
      { address: '93.184.216.34', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ];
    await expect(open({ profile: 'stranger', resolve })(`https://mixed.example:${port()}/`)).rejects.toMatchObject({
      reason: 'address-not-allowed',
    });
    expect(connections).toBe(0);
  });

  it('ABUSE-13: connects to the very address it has checked, and asks for it once', async () => {
    const answers = ['127.0.0.1', '203.0.113.7'];
    const asked: string[] = [];
    const resolve = async (name: string) => {
      asked.push(name);
      return [{ address: answers.shift() ?? '203.0.113.7', family: 4 }];
    };
    const response = await open({ resolve })(`http://rebinding.example:${port()}/`);
    expect(await response.text()).toBe('hello');
    expect(asked).toEqual(['rebinding.example']);
  });

  it.each([301, 302, 303, 307, 308])('ABUSE-13: a %d is not followed', async (status) => {
    let seen = 0;
    answer = (_request, response) => {
      seen += 1;
      response.writeHead(status, { location: '/elsewhere' }).end();
    };
    await expect(open()(base)).rejects.toMatchObject({ reason: 'redirect', location: '/elsewhere' });
    expect(seen).toBe(1);
  });

  it.each([
    ['stranger', 'http://example.com/'],
    ['stranger', 'https://user:password@example.com/'],
    ['stranger', 'not a url'],
    ['admin', 'ftp://example.com/'],
    ['admin', 'file:///etc/passwd'],
    ['admin', 'data:text/plain,hello'],
    ['admin', 'https://user@example.com/'],
  ] as const)('ABUSE-14: %s-supplied %s is refused', async (profile, url) => {
    await expect(open({ profile })(url)).rejects.toMatchObject({ reason: 'url-not-allowed' });
  });

  it('ABUSE-16: refuses a body that is declared too large before it reads it', async () => {
    answer = (_request, response) => response.writeHead(200, { 'content-length': '2000' }).write('x');
    await expect(open({ maxBytes: 1_000 })(base)).rejects.toMatchObject({ reason: 'too-large' });
  });

  it('ABUSE-16: stops reading a chunked body that gets too large', async () => {
    answer = (_request, response) => {
      for (let chunk = 0; chunk < 100; chunk += 1) response.write('x'.repeat(100));
      response.end();
    };
    const response = await open({ maxBytes: 1_000 })(base);
    await expect(response.text()).rejects.toMatchObject({ reason: 'too-large' });
  });

  it('ABUSE-16: counts what a compressed body unpacks to', async () => {
    const bomb = gzipSync(Buffer.alloc(1_000_000));
    answer = (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    expect(bomb.length).toBeLessThan(10_000);
    const response = await open({ maxBytes: 10_000 })(base);
    await expect(response.arrayBuffer()).rejects.toMatchObject({ reason: 'too-large' });
  });

  it('ABUSE-16: ends a slow drip when the time is over, headers and body together', async () => {
    answer = (request, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write('x'), 10);
      request.socket.on('close', () => clearInterval(drip));
    };
    const response = await open({ timeoutMs: 150 })(base);
    await expect(response.text()).rejects.toMatchObject({ reason: 'timeout' });
  });

  it('ABUSE-16: ends a server that never answers', async () => {
    answer = () => undefined;
    await expect(open({ timeoutMs: 100 })(base)).rejects.toMatchObject({ reason: 'timeout' });
  });

  it('refuses more requests at a time than it may make, and counts those no more whose body was read, dropped or too late', async () => {
    const guarded = open({ maxConcurrent: 1, timeoutMs: 300 });
    const first = await guarded(base);
    await expect(guarded(base)).rejects.toMatchObject({ reason: 'busy' });
    await first.text();
    await (await guarded(base)).body?.cancel();
    await (await guarded(base)).text();
    await expect(guarded('http://127.0.0.1:1/')).rejects.toMatchObject({ reason: 'unreachable' });
    answer = (_request, response) => void response.writeHead(200).write('unfinished');
    const last = await guarded(base);
    await expect(last.text()).rejects.toMatchObject({ reason: 'timeout' });
    answer = (_request, response) => void response.end('hello');
    expect(await (await guarded(base)).text()).toBe('hello');
  });

  it('tells a name that does not exist, a closed port and a caller who gave up apart', async () => {
    const resolve = async () => {
      throw Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });
    };
    await expect(open({ resolve })('http://nowhere.example/')).rejects.toMatchObject({ reason: 'name-not-found' });
    await expect(open({ resolve: async () => [] })('http://nowhere.example/')).rejects.toMatchObject({ reason: 'name-not-found' });
    await expect(open()('http://127.0.0.1:1/')).rejects.toMatchObject({ reason: 'unreachable' });
    answer = () => undefined;
    const controller = new AbortController();
    const pending = open()(base, { signal: controller.signal });
    controller.abort(new Error('the caller gave up'));
    await expect(pending).rejects.toThrow('the caller gave up');
  });

  it('ignores a dispatcher that a caller brings: the guard rides on ours', async () => {
    const dispatcher = {
      dispatch: () => {
        throw new Error('must not be used');
      },
    };
    const response = await open()(base, { dispatcher } as unknown as RequestInit);
    expect(await response.text()).toBe('hello');
  });
});
