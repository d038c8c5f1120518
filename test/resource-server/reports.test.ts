import { afterEach, describe, expect, it } from '@jest/globals';
import type { ProtectOptions } from '../../src/resource-server/express.ts';
import { createVerifier, type VerifierOptions } from '../../src/resource-server/index.ts';
import { doors, type Handler, type HandlerAnswer, type ServedDoor } from './doors.ts';
import { FakeIssuer, ISSUER, makeKey, RESOURCE } from './fake-issuer.ts';
import { rpc } from './rpc-over-http.ts';

const key = await makeKey('key-1');
const credential = 'srv_1:secret-of-srv-1';
const result = { content: [{ type: 'text', text: 'here' }] };

const asJson = (value: unknown, status = 200): HandlerAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
});
const asEvents = (...texts: string[]): HandlerAnswer => ({
  headers: { 'content-type': 'text/event-stream' },
  body: (async function* () {
    yield* texts;
  })(),
});
const event = (message: unknown): string => `event: message\ndata: ${JSON.stringify(message)}\n\n`;

describe.each(doors)('reports of the %s door', (_name, serve) => {
  const open: ServedDoor[] = [];
  afterEach(async () => {
    for (const door of open.splice(0)) await door.close();
  });

  /** A door with its verifier, which the tests ask about reports. */
  async function setUp(handler: Handler, options: Partial<VerifierOptions & ProtectOptions> = {}) {
    const issuer = new FakeIssuer({ key });
    const door = await serve({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch, credential, ...options }, handler);
    const { verifier } = door;
    open.push(door);
    const post = async (
      body: unknown,
      { scope = 'tool:look', headers = {} }: { scope?: string; headers?: Record<string, string> } = {},
    ) => {
      const response = await door.send('/mcp', {
        method: 'POST',
        headers: { authorization: `Bearer ${await issuer.token({ scope })}`, 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      });
      const text = await response.text();
      await verifier.reports.flush();
      return { status: response.status, headers: response.headers, text };
    };
    return { issuer, verifier, post };
  }

  const call = (name: string, args: unknown = {}, id: number | string = 1, meta?: unknown) =>
    rpc('tools/call', { name, arguments: args, ...(meta === undefined ? {} : { _meta: meta }) }, id);

  it('a call: who, client, consent, place in the status list, tool, outcome, time, sizes, digest, and where it belongs', async () => {
    const { issuer, verifier, post } = await setUp(() => asJson({ jsonrpc: '2.0', id: 1, result }));
    const trace = '0af7651916cd43dd8448eb211c80319c';
    const headers = { traceparent: `00-${trace}-b7ad6b7169203331-01`, 'x-request-id': 'req-7' };
    const answer = await post(call('look', { b: 1, a: 'ü' }), { headers });
    expect(JSON.parse(answer.text)).toEqual({ jsonrpc: '2.0', id: 1, result });
    expect(issuer.reports).toEqual([
      {
        id: expect.stringMatching(/^rpt_[\da-f]{32}$/),
        at: expect.stringMatching(/^\d{4}-.*Z$/),
        subject: 'usr_ada',
        client: 'client-1',
        consent: 'cns_1',
        status: { uri: `${ISSUER}/status/0`, index: 7 },
        tool: 'look',
        outcome: 'success',
        durationMs: expect.any(Number),
        argumentBytes: 16,
        resultBytes: answer.text.length,
        argumentDigest: expect.stringMatching(/^[\w-]{43}$/),
        requestId: 'req-7',
        traceId: trace,
      },
    ]);
    const [posted] = issuer.posted.filter(({ path }) => path === '/servers/reports');
    expect(posted?.authorization).toBe(`Basic ${btoa(credential)}`);
    expect(verifier.reports.stats()).toEqual({ queued: 0, delivered: 1, dropped: 0, refused: 0, problem: undefined });
  });

  it('MCP-54: a trace id in `_meta` counts before the header; what is none is left out', async () => {
    const { issuer, post } = await setUp(() => asJson({ jsonrpc: '2.0', id: 1, result }));
    const traceparent = (digit: string) => `00-${digit.repeat(32)}-b7ad6b7169203331-01`;
    await post(call('look', {}, 1, { traceparent: traceparent('a') }), { headers: { traceparent: traceparent('b') } });
    await post(call('look'), { headers: { traceparent: traceparent('0'), 'x-request-id': 'a b' } });
    expect(issuer.reports.map(({ traceId, requestId }) => [traceId, requestId])).toEqual([
      ['a'.repeat(32), undefined],
      [undefined, undefined],
    ]);
  });

  it.each<[string, HandlerAnswer, Record<string, unknown>]>([
    [
      'a tool result with isError',
      asJson({ jsonrpc: '2.0', id: 1, result: { ...result, isError: true } }),
      { outcome: 'failure', error: 'tool' },
    ],
    [
      'a JSON-RPC error',
      asJson({ jsonrpc: '2.0', id: 1, error: { code: -32602, message: 'no' } }),
      { outcome: 'failure', error: 'rpc:-32602' },
    ],
    ['an HTTP error', asJson({ error: 'x' }, 500), { outcome: 'failure', error: 'http:500' }],
    [
      'a stream with the result',
      asEvents(': hi\n\n', event(rpc('notifications/progress')), event({ jsonrpc: '2.0', id: 1, result })),
      { outcome: 'success' },
    ],
    [
      'a stream, cut anywhere',
      asEvents('data: {"jsonrpc":"2.0","id":1,', '"result":{"isError":true}}\n', '\n'),
      { outcome: 'failure', error: 'tool' },
    ],
    ['the answer to another request', asJson({ jsonrpc: '2.0', id: 2, result }), { outcome: 'success', unseen: true }],
    ['something that is no JSON', { headers: { 'content-type': 'application/json' }, body: '{' }, { outcome: 'success', unseen: true }],
    [
      'more than is read',
      asJson({ jsonrpc: '2.0', id: 1, result: { ...result, isError: true, pad: 'x'.repeat(1_100_000) } }),
      { outcome: 'success', unseen: true },
    ],
  ])('the outcome of %s', async (_what, answer, expected) => {
    const { issuer, post } = await setUp(() => answer);
    await post(call('look'));
    expect(issuer.reports).toEqual([expect.objectContaining(expected)]);
    if (expected['unseen'] === undefined) expect(issuer.reports[0]).not.toHaveProperty('unseen');
  });

  it('ABUSE-60: a refused call says so, also in a batch, of which nothing else is said, because nothing ran', async () => {
    const { issuer, post } = await setUp(() => asJson([]));
    await post(call('wipe', { id: 1 }));
    await post([call('look', {}, 1), call('wipe', {}, 2)]);
    await post(rpc('resources/list'));
    expect(issuer.reports.map(({ tool, outcome, durationMs }) => [tool, outcome, durationMs])).toEqual([
      ['wipe', 'denied', undefined],
      ['wipe', 'denied', undefined],
    ]);
  });

  it('a batch: each call by its id; a notification too', async () => {
    const { issuer, post } = await setUp(() =>
      asJson([
        { jsonrpc: '2.0', id: 'b', result: { isError: true } },
        { jsonrpc: '2.0', id: 1, result },
      ]),
    );
    await post(
      [
        call('look', {}, 1),
        call('peek', {}, 'b'),
        rpc('ping', undefined, 3),
        { jsonrpc: '2.0', method: 'tools/call', params: { name: 'look' } },
      ],
      {
        scope: 'tool:look tool:peek',
      },
    );
    expect(issuer.reports.map(({ tool, outcome, unseen }) => [tool, outcome, unseen ?? false]).sort()).toEqual([
      ['look', 'success', false],
      ['look', 'success', true],
      ['peek', 'failure', false],
    ]);
  });

  it('ABUSE-74: arguments are not reported, unless by policy, and then redacted', async () => {
    const canary = 'canary-4711';
    const args = { id: 7, note: canary, password: canary, deep: [{ apiKey: canary, mail: canary }] };
    const quiet = await setUp(() => asJson({ jsonrpc: '2.0', id: 1, result }));
    await quiet.post(call('look', args));
    expect(JSON.stringify(quiet.issuer.posted)).not.toContain(canary);
    expect(quiet.issuer.reports[0]).not.toHaveProperty('arguments');

    const told = await setUp(() => asJson({ jsonrpc: '2.0', id: 1, result }), {
      reports: { arguments: ['look'], redact: ['$.note', '$..mail'] },
    });
    await told.post(call('look', args));
    await told.post(call('peek', args), { scope: 'tool:peek' });
    expect(told.issuer.reports.map((report) => report['arguments'])).toEqual([
      { id: 7, note: '[redacted]', password: '[redacted]', deep: [{ apiKey: '[redacted]', mail: '[redacted]' }] },
      undefined,
    ]);
    expect(JSON.stringify(told.issuer.posted)).not.toContain(canary);
  });

  it('what a handler does to the arguments afterwards changes nothing', async () => {
    const { issuer, post } = await setUp(
      ({ body }) => {
        const { params } = body as { params: { arguments: Record<string, unknown> } };
        params.arguments['id'] = 'changed';
        return asJson({ jsonrpc: '2.0', id: 1, result });
      },
      { reports: { arguments: 'always' } },
    );
    await post(call('look', { id: 1 }));
    await post(call('look', { id: 1 }));
    const [first, second] = issuer.reports;
    expect(first?.['arguments']).toEqual({ id: 1 });
    expect(first?.['argumentDigest']).toBe(second?.['argumentDigest']);
  });

  it('without a credential, or when switched off, nothing is sent', async () => {
    for (const options of [{ credential: undefined }, { reports: false as const }]) {
      const issuer = new FakeIssuer({ key });
      const { credential: none, ...rest } = { credential, ...options };
      const verifying = { issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch, ...(none && { credential: none }), ...rest };
      const door = await serve(verifying, () => asJson({ jsonrpc: '2.0', id: 1, result }));
      const { verifier } = door;
      open.push(door);
      const headers = { authorization: `Bearer ${await issuer.token({ scope: 'tool:look' })}`, 'content-type': 'application/json' };
      await (await door.send('/mcp', { method: 'POST', headers, body: JSON.stringify(call('look')) })).text();
      await verifier.reports.close();
      expect([issuer.count('/servers/reports'), verifier.reports.stats().delivered]).toEqual([0, 0]);
    }
  });

  it('an issuer that hangs holds no call up', async () => {
    const { issuer, post } = await setUp(() => asJson({ jsonrpc: '2.0', id: 1, result }), { timeoutMs: 60_000 });
    await post(call('look'));
    const hanging: ReadableStreamDefaultController[] = [];
    issuer.instead.set('/servers/reports', () => new Response(new ReadableStream({ start: (answer) => void hanging.push(answer) })));
    const authorization = `Bearer ${await issuer.token({ scope: 'tool:look' })}`;
    // No flush in between: the calls are answered while the report of the first is still under way.
    const door = open.at(-1) as ServedDoor;
    for (let count = 0; count < 3; count += 1) {
      const response = await door.send('/mcp', {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify(call('look')),
      });
      expect(JSON.parse(await response.text())).toMatchObject({ result });
    }
    expect(issuer.count('/servers/reports')).toBeLessThan(3);
    issuer.instead.delete('/servers/reports');
    for (const answer of hanging) answer.error(new Error('the issuer is gone'));
  });

  describe("audit: 'before-call'", () => {
    it('a call runs once the issuer has recorded that it will, and its outcome follows', async () => {
      const seen: unknown[] = [];
      const { issuer, post } = await setUp(
        () => {
          seen.push(issuer.reports.map(({ outcome }) => outcome));
          return asJson({ jsonrpc: '2.0', id: 1, result: { isError: true } });
        },
        { audit: 'before-call' },
      );
      expect((await post(call('look', { id: 1 }))).status).toBe(200);
      expect(seen).toEqual([['begun']]);
      const [begun, ended] = issuer.reports;
      expect(ended).toMatchObject({ outcome: 'failure', error: 'tool', begunBy: begun?.['id'], argumentDigest: begun?.['argumentDigest'] });
      expect(begun).not.toHaveProperty('durationMs');
    });

    it('when that cannot be had, nothing runs: 503 with Retry-After, and never 401', async () => {
      let ran = 0;
      let nowMs = Date.now();
      const { issuer, post } = await setUp(
        () => {
          ran += 1;
          return asJson({ jsonrpc: '2.0', id: 1, result });
        },
        { audit: 'before-call', now: () => new Date(nowMs) },
      );
      const refuse = (member: string) => () =>
        Response.json({ accepted: 0, known: 0, refused: [{ index: 0, member, message: 'no' }], now: new Date().toISOString() });
      for (const instead of [() => new Response('{}', { status: 503 }), refuse('consent'), () => new Response('{}', { status: 400 })]) {
        issuer.instead.set('/servers/reports', instead);
        const answer = await post(call('look'));
        expect([answer.status, answer.headers.get('retry-after'), answer.headers.get('www-authenticate')]).toEqual([503, '5', null]);
        expect(answer.text).toContain('could not be recorded');
        // Until then nothing is tried again.
        nowMs += 1100;
      }
      expect(ran).toBe(0);
      issuer.instead.clear();
      expect([(await post(call('look'))).status, ran]).toEqual([200, 1]);
    });

    it('calls that wait share a request', async () => {
      const { issuer, post } = await setUp(() => asJson({ jsonrpc: '2.0', id: 1, result }), { audit: 'before-call' });
      await Promise.all(Array.from({ length: 20 }, () => post(call('look'))));
      expect(issuer.reports.filter(({ outcome }) => outcome === 'begun')).toHaveLength(20);
      expect(issuer.batches.length).toBeLessThan(20);
    });

    it('needs a credential', () => {
      expect(() => createVerifier({ issuer: ISSUER, resource: RESOURCE, audit: 'before-call' })).toThrow(/credential/);
    });
  });
});
