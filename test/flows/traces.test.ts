/** Traces of an issuer in this process, as a collector gets them. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { createGuardedFetch } from '../../src/platform/guarded-fetch.ts';
import { createTracing } from '../../src/platform/tracing/open-telemetry.ts';
import { Canaries } from '../support/canaries.ts';
import { fillIn } from '../support/fill-in.ts';
import type { TestIssuer, TestPerson, TestServer } from '../support/issuer.ts';
import { startIssuer } from '../support/issuer.ts';
import { askToken } from '../support/machine.ts';
import {
  authorize,
  basic,
  connect,
  postForm,
  redeem,
  refresh,
  registerTestClient,
  type TestClient,
  type Tokens,
} from '../support/oauth-client.ts';
import { readForms } from '../support/person.ts';
import { type ReceivedSpan, startTraceCollector, type TraceCollector } from '../support/trace-collector.ts';

const theirs = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const traceparent = (flags: string) => `00-${theirs.traceId}-${theirs.spanId}-${flags}`;

let collector: TraceCollector;
beforeAll(async () => {
  collector = await startTraceCollector();
});
afterAll(() => collector.stop());

/** Serves while `work` goes on; then every span is there. */
async function traced(
  options: { share?: number; trustedProxies?: string[] },
  work: (issuer: TestIssuer) => Promise<void>,
): Promise<{ spans: ReceivedSpan[]; log: string[]; raw: string }> {
  const log: string[] = [];
  const { createLogger } = await import('../../src/platform/logger.ts');
  const tracing = createTracing({
    endpoint: collector.endpoint,
    headers: { authorization: 'Bearer of-the-collector' },
    serviceName: 'toolgrant-test',
    version: '1.2.3',
    share: options.share ?? 1,
    log: createLogger({ level: 'debug', destination: { write: (line) => void log.push(line) } }),
  });
  const [first, firstBody] = [collector.spans.length, collector.bodies.length];
  const issuer = await startIssuer({ tracing, app: { trustedProxies: options.trustedProxies ?? [] } });
  try {
    await work(issuer);
  } finally {
    await issuer.stop();
  }
  const raw = Buffer.concat(collector.bodies.slice(firstBody)).toString('latin1');
  return { spans: collector.spans.slice(first), log: [...log, ...issuer.log], raw };
}

const childrenOf = (spans: readonly ReceivedSpan[], parent: ReceivedSpan | undefined) =>
  spans.filter(({ parentSpanId, traceId }) => parentSpanId === parent?.spanId && traceId === parent?.traceId);
const named = (spans: readonly ReceivedSpan[], name: string) => spans.filter((span) => span.name === name);

describe('traces', () => {
  it('ABUSE-74: hold each request with its statements and hashes, by names of ours, and nothing that is secret', async () => {
    const canaries = new Canaries();
    let person: TestPerson;
    let server: TestServer;
    let client: TestClient;
    const { spans, log, raw } = await traced({}, async (issuer) => {
      person = await issuer.addPerson();
      server = await issuer.addServer();
      client = await registerTestClient(issuer, { token_endpoint_auth_method: 'client_secret_post' });
      const secret = { client_secret: client.secret };
      for (const [what, value] of Object.entries({ secret: client.secret, management: client.managementToken, password: person.password }))
        canaries.add(what, value);
      canaries.add('server credential', server.credential);
      canaries.add('address of the person', person.email);
      canaries.add('key-encryption key', issuer.secret);
      const authorized = await authorize(issuer, { client, person, server });
      canaries.add('code', authorized.code);
      canaries.add('verifier', authorized.verifier);
      const tokens = (await redeem(issuer, client, authorized, secret)).json<Tokens>();
      const next = (await refresh(issuer, client, tokens.refresh_token, secret)).json<Tokens>();
      for (const each of [tokens, next]) {
        canaries.add('access token', each.access_token);
        canaries.add('refresh token', each.refresh_token);
      }
      await postForm(issuer, '/introspect', { token: next.access_token }, basic(server.serverId, server.credential));
      const { browser } = authorized;
      const [form] = readForms((await browser.get(`${issuer.url}/account/keys/new?server=${server.serverId}`)).text);
      const made = await browser.post(form?.action ?? '', fillIn(form, { name: 'canary-of-the-key', tool: 'list_issues', do: 'save' }));
      const key = canaries.add('API key', /tgk_\w{44}/.exec(made.text)?.[0]);
      const { id } = await issuer.runtime.store.apiKey.findFirstOrThrow();
      await postForm(issuer, '/introspect', { token: key }, basic(server.serverId, server.credential));
      canaries.add('token of the key', (await askToken(issuer, { clientId: id, secret: key })).json<Tokens>().access_token);
      await issuer.send({ path: `/account/keys/${key}/revoke?key=${key}`, headers: { Authorization: `Bearer ${key}` } });
      await issuer.send({ path: '/.well-known/oauth-authorization-server' });
      await issuer.send({ path: '/nowhere-canary-of-the-path?canary-of-the-query=1', headers: { 'User-Agent': 'canary-of-the-agent' } });
      await issuer.send({ path: '/readyz' });
    });

    const [refreshed] = named(spans, 'POST protocol-token').slice(1);
    expect(refreshed).toMatchObject({
      kind: 2,
      attributes: {
        'http.request.method': 'POST',
        'http.route': 'protocol-token',
        'http.response.status_code': 200,
        'url.scheme': 'http',
        'toolgrant.tenant': 'root',
        'toolgrant.request_id': expect.stringMatching(/^req_/),
      },
      resource: { 'service.name': 'toolgrant-test', 'service.version': '1.2.3', 'telemetry.sdk.name': 'opentelemetry' },
      status: 0,
      links: [],
    });
    expect(refreshed).not.toHaveProperty('parentSpanId');
    // Now and then a request looks keys or tenants up as well, for itself and those that follow.
    const statements = childrenOf(spans, refreshed).filter(({ name }) => !/^SELECT (signing_keys|tenants)$/.test(name));
    expect(statements.map(({ name, kind }) => [name, kind])).toEqual([
      ['token-request-facts', 3],
      ['token-request-settle', 3],
    ]);
    const signedIn = named(spans, 'argon2 verify');
    expect(signedIn).toHaveLength(1);
    expect(spans.find(({ spanId }) => spanId === signedIn[0]?.parentSpanId)?.name).toMatch(/^POST (interaction|sign-in)/);
    // Statements without a name are called by what they do to which table.
    const inserted = spans.find(({ attributes }) => attributes['db.operation.name'] === 'INSERT');
    expect(inserted).toMatchObject({ kind: 3, attributes: { 'db.system.name': 'postgresql', 'db.collection.name': expect.any(String) } });
    expect(inserted?.name).toBe(`INSERT ${inserted?.attributes['db.collection.name']}`);
    expect(spans.find(({ spanId }) => spanId === inserted?.parentSpanId)).toMatchObject({ kind: 2 });
    expect(named(spans, 'GET protocol-oauthMetadata')).toHaveLength(1);
    expect(named(spans, 'GET none')[0]).toMatchObject({ attributes: { 'http.response.status_code': 404 }, status: 0 });
    // Nothing for those who only ask whether we live, and nothing without a request.
    expect(spans.filter(({ attributes, kind }) => kind === 2 && !('http.route' in attributes))).toEqual([]);
    expect(spans.filter(({ kind, parentSpanId }) => kind !== 2 && parentSpanId === undefined)).toEqual([]);
    expect(new Set(spans.flatMap(({ attributes }) => Object.keys(attributes)))).toEqual(
      new Set([
        ...['http.request.method', 'http.route', 'http.response.status_code', 'url.scheme', 'toolgrant.request_id', 'toolgrant.tenant'],
        ...['db.system.name', 'db.query.summary', 'db.operation.name', 'db.collection.name'],
      ]),
    );

    const line = log
      .map((text) => JSON.parse(text) as Record<string, unknown>)
      .find(({ requestId, message }) => requestId === refreshed?.attributes['toolgrant.request_id'] && message === 'request');
    expect(line).toMatchObject({ route: 'protocol-token', traceId: refreshed?.traceId });

    expect(canaries.findIn(raw)).toEqual([]);
    expect(raw).not.toContain('canary');
    expect(raw).toContain('token-request-facts'); // it is readable at all
    expect(collector.paths.at(-1)).toBe('/v1/traces');
    expect(collector.headers.at(-1)).toMatchObject({ authorization: 'Bearer of-the-collector', 'content-type': 'application/x-protobuf' });
  });

  it('keep apart requests that wait for one another’s connections', async () => {
    const { spans } = await traced({}, async (issuer) => {
      const client = await registerTestClient(issuer);
      const [person, server] = [await issuer.addPerson(), await issuer.addServer()];
      const families: Tokens[] = [];
      for (let count = 0; count < 3; count += 1) families.push(await connect(issuer, { client, person, server }));
      await Promise.all(Array.from({ length: 30 }, (_, index) => refresh(issuer, client, families[index % 3]?.refresh_token ?? '')));
    });
    const requests = named(spans, 'POST protocol-token');
    expect(requests.length).toBe(33);
    // Each reads what it is about, once, on its own.
    for (const request of requests) expect(named(childrenOf(spans, request), 'token-request-facts')).toHaveLength(1);
  });

  it('say what failed with us, by type and code, without its words', async () => {
    const { spans, raw } = await traced({}, async (issuer) => {
      const client = await registerTestClient(issuer);
      const owner = new Client({ connectionString: issuer.database.ownerUrl });
      await owner.connect();
      await owner.query('ALTER TABLE artifacts RENAME TO artifacts_away');
      expect((await refresh(issuer, client, 'canary-of-a-refresh-token')).status).toBe(500);
      await owner.query('ALTER TABLE artifacts_away RENAME TO artifacts');
      await owner.end();
    });
    const [failed] = named(spans, 'POST protocol-token');
    expect(failed).toMatchObject({ status: 2, attributes: { 'http.response.status_code': 500, 'error.type': expect.any(String) } });
    expect(failed?.events).toEqual([{ name: 'exception', attributes: { 'exception.type': failed?.attributes['error.type'] } }]);
    expect(childrenOf(spans, failed)).toContainEqual(
      expect.objectContaining({ status: 2, attributes: expect.objectContaining({ 'db.response.status_code': '42P01' }) }),
    );
    expect(raw).not.toMatch(/canary|does not exist/);
  });

  it('hold requests to others by host alone, and tell others nothing', async () => {
    const tracing = createTracing({ ...quiet(), endpoint: collector.endpoint });
    const fetch = tracing.traceFetch(createGuardedFetch({ profile: 'admin', issuerIsLoopback: true }), 'admin');
    const strangers = tracing.traceFetch(createGuardedFetch({ profile: 'stranger', issuerIsLoopback: true }), 'stranger');
    const span = tracing.startRequest({ method: 'POST', continuesCaller: false });
    await span.run(async () => {
      await (await fetch(`${collector.endpoint}/canary-of-a-path?canary=1`, { method: 'POST', body: '' })).text();
      await expect(fetch('http://169.254.169.254/canary')).rejects.toThrow();
      await expect(strangers('https://169.254.169.254/canary')).rejects.toThrow();
    });
    expect(collector.headers.at(-1)).not.toHaveProperty('traceparent');
    await (await fetch(`${collector.endpoint}/outside`)).text(); // of no request
    span.end({ route: 'x', status: 200, requestId: 'req_1', aborted: false });
    const first = collector.spans.length;
    await tracing.close();
    await Promise.all([fetch.close(), strangers.close()]);
    const spans = collector.spans.slice(first);
    expect(spans.map(({ name, attributes }) => [name, attributes]).slice(0, 3)).toEqual([
      [
        'POST',
        {
          'http.request.method': 'POST',
          'http.response.status_code': 200,
          'url.scheme': 'http',
          'server.address': '127.0.0.1',
          'server.port': Number(new URL(collector.endpoint).port),
        },
      ],
      ['GET', expect.objectContaining({ 'server.address': '169.254.169.254', 'error.type': 'address-not-allowed' })],
      ['GET', { 'http.request.method': 'GET', 'error.type': 'address-not-allowed' }],
    ]);
    expect(spans).toHaveLength(4);
  });
});

function quiet() {
  return { headers: {}, serviceName: 'x', version: '0', share: 1, log: { info: () => undefined, warn: () => undefined } as never };
}

describe('whose trace it is', () => {
  const ask = (issuer: TestIssuer, headers: Record<string, string>) => issuer.send({ path: '/nowhere', headers });

  it('ABUSE-29: a stranger’s traceparent makes us keep nothing, and writes into no trace of others: it is linked to', async () => {
    const kept = await traced({}, async (issuer) => void (await ask(issuer, { traceparent: traceparent('01'), tracestate: 'canary=1' })));
    expect(kept.spans).toHaveLength(1);
    expect(kept.spans[0]).toMatchObject({ links: [{ ...theirs, state: '' }], state: '' });
    expect(kept.spans[0]?.traceId).not.toBe(theirs.traceId);
    expect(kept.spans[0]).not.toHaveProperty('parentSpanId');
    const dropped = await traced({ share: 0 }, async (issuer) => {
      for (let count = 0; count < 20; count += 1) await ask(issuer, { traceparent: traceparent('01') });
    });
    expect(dropped.spans).toEqual([]);
    const unwanted = await traced({}, async (issuer) => void (await ask(issuer, { traceparent: traceparent('00') })));
    expect(unwanted.spans).toHaveLength(1);
  });

  it('a trusted proxy’s trace is gone on with, and it decides whether it is kept', async () => {
    const trusted = { trustedProxies: ['127.0.0.1'] };
    const kept = await traced({ ...trusted, share: 0 }, async (issuer) => {
      await ask(issuer, { traceparent: traceparent('01'), tracestate: 'canary=1' });
      await ask(issuer, {});
    });
    expect(kept.spans).toMatchObject([{ traceId: theirs.traceId, parentSpanId: theirs.spanId, links: [], state: '' }]);
    const dropped = await traced(trusted, async (issuer) => void (await ask(issuer, { traceparent: traceparent('00') })));
    expect(dropped.spans).toEqual([]);
  });

  it('what is no traceparent is none', async () => {
    const odd = [
      '',
      'x',
      `ff-${theirs.traceId}-${theirs.spanId}-01`,
      `00-${'0'.repeat(32)}-${theirs.spanId}-01`,
      `${traceparent('01')}-more`,
    ];
    const { spans } = await traced({ trustedProxies: ['127.0.0.1'] }, async (issuer) => {
      for (const header of odd) await ask(issuer, { traceparent: header });
    });
    expect(spans).toHaveLength(odd.length);
    for (const span of spans) expect([span.parentSpanId, span.links]).toEqual([undefined, []]);
  });
});
