/** Documents of strangers: what is fetched, how often, and what goes on when it cannot be. */
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { obtainClientKeys } from '../../src/services/obtain-client-keys.ts';
import { type DocumentOutcome, obtainDocument } from '../../src/services/obtain-document.ts';
import { sweepExpired } from '../../src/services/sweep-expired.ts';
import { findDocument, noteDocumentUse } from '../../src/store/remote-documents.ts';
import { query } from '../support/database-holder.ts';
import { type DocumentAnswer, type DocumentHost, startDocumentHost } from '../support/document-host.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { type MovedTime, moveTime } from '../support/moved-time.ts';

let host: DocumentHost;
let issuer: TestIssuer;
let other: TestIssuer;
let time: MovedTime;

beforeAll(async () => {
  host = await startDocumentHost();
  issuer = await startIssuer({ strangers: host.fetch });
  other = await startIssuer({ strangers: host.fetch, beside: issuer });
});
afterAll(async () => {
  await other.stop();
  await issuer.stop();
  await host.close();
});
beforeEach(() => {
  time = moveTime();
});
afterEach(() => time.restore());

let counted = 0;
/** A URL that no test has used, on a host that none has used. */
const newUrl = () => {
  counted += 1;
  return `https://host-${counted}.example/client.json`;
};
const read = (json: unknown) => (json === null ? { ok: false as const, reason: 'it is nothing' } : { ok: true as const, value: json });
const obtain = (url: string, { at = issuer, isReliedOn = true, caller = '192.0.2.1' } = {}): Promise<DocumentOutcome<unknown>> =>
  obtainDocument(at.runtime, at.tenant, { kind: 'client-metadata', url, read, isReliedOn, caller });
const asked = (url: string) => host.requests.filter((place) => `https://${place}` === url).length;
const rows = (where: string) => query(issuer.database.ownerUrl, `SELECT * FROM remote_documents WHERE ${where}`);

describe('a fresh copy', () => {
  it('is used as it is, on every instance', async () => {
    const url = newUrl();
    host.serve(url, { a: 1 }, { 'cache-control': 'max-age=300' });
    expect(await obtain(url)).toMatchObject({ ok: true, value: { a: 1 } });
    time.forward(299);
    expect(await obtain(url, { at: other })).toMatchObject({ ok: true, value: { a: 1 } });
    expect(asked(url)).toBe(1);
    host.serve(url, { a: 2 });
    time.forward(2);
    expect(await obtain(url)).toMatchObject({ ok: true, value: { a: 2 } });
    expect(asked(url)).toBe(2);
  });

  it('ABUSE-17: is asked for again after a day, whatever max-age says', async () => {
    const url = newUrl();
    host.serve(url, { a: 1 }, { 'cache-control': 'max-age=1000000000' });
    await obtain(url);
    time.forward(86_401);
    await obtain(url);
    expect(asked(url)).toBe(2);
  });

  it('is not asked for more than once a minute, whatever its host says', async () => {
    const url = newUrl();
    host.serve(url, { a: 1 }, { 'cache-control': 'no-store' });
    for (let n = 0; n < 5; n += 1) await obtain(url);
    expect(asked(url)).toBe(1);
  });

  it('is confirmed by its validators, without being sent again', async () => {
    const url = newUrl();
    const answer: DocumentAnswer = (request, response) => {
      if (request.headers['if-none-match'] === '"v1"') return void response.writeHead(304, { 'cache-control': 'max-age=600' }).end();
      response.writeHead(200, { 'content-type': 'application/json', etag: '"v1"', 'cache-control': 'max-age=60' }).end('{"a":1}');
    };
    host.serve(url, answer);
    await obtain(url);
    time.forward(61);
    expect(await obtain(url)).toMatchObject({ ok: true, value: { a: 1 } });
    time.forward(599);
    expect(await obtain(url)).not.toHaveProperty('staleBecause');
    time.forward(2);
    expect(await obtain(url)).toMatchObject({ ok: true, value: { a: 1 } });
    expect(asked(url)).toBe(3);
  });
});

describe('MCP-29: the last good copy', () => {
  it('goes on when the document is refused, and failures are no documents', async () => {
    const url = newUrl();
    host.serve(url, { a: 1 });
    await obtain(url);
    host.serve(url, (_request: unknown, response: { writeHead(status: number): { end(): void } }) => response.writeHead(403).end());
    time.forward(3_600);
    expect(await obtain(url)).toMatchObject({ ok: true, value: { a: 1 }, staleBecause: { reason: 'status' } });
    host.serve(url, null);
    time.forward(3_600);
    expect(await obtain(url)).toMatchObject({ ok: true, value: { a: 1 }, staleBecause: { reason: 'unfit', detail: 'it is nothing' } });
    host.serve(url, { a: 2 });
    time.forward(3_600);
    expect(await obtain(url)).toMatchObject({ ok: true, value: { a: 2 } });
  });

  it('ends after 30 days, and 7 days after its host began to say that there is none', async () => {
    const [silent, gone] = [newUrl(), newUrl()];
    for (const url of [silent, gone]) {
      host.serve(url, { a: 1 });
      await obtain(url);
    }
    host.serve(silent, ((request) => request.socket.destroy()) satisfies DocumentAnswer);
    host.serve(gone, ((_request, response) => response.writeHead(410).end()) satisfies DocumentAnswer);
    for (let day = 0; day < 7; day += 1) {
      time.forward(86_400);
      expect(await obtain(gone)).toMatchObject({ ok: true, staleBecause: { reason: 'status' } });
    }
    time.forward(86_400);
    expect(await obtain(gone)).toMatchObject({ ok: false, problem: { reason: 'gone' } });
    time.forward(20 * 86_400);
    expect(await obtain(silent)).toMatchObject({ ok: true, staleBecause: { reason: 'no-answer' } });
    time.forward(3 * 86_400);
    expect(await obtain(silent)).toMatchObject({ ok: false, problem: { reason: 'no-answer' } });
    host.serve(gone, { a: 2 });
    expect(await obtain(gone)).toMatchObject({ ok: true, value: { a: 2 } });
  });
});

describe('what fails', () => {
  it('is remembered, so that a host that fails is not hammered, and tried again soon', async () => {
    const url = newUrl();
    for (let n = 0; n < 10; n += 1)
      expect(await obtain(url, { at: n % 2 ? other : issuer })).toMatchObject({ ok: false, problem: { reason: 'status' } });
    expect(asked(url)).toBe(1);
    host.serve(url, { a: 1 });
    time.forward(31);
    expect(await obtain(url)).toMatchObject({ ok: true });
  });

  it.each<[string, DocumentAnswer, string]>([
    [
      'a declared size of more than 5 KB',
      (_q, r) => r.writeHead(200, { 'content-type': 'application/json', 'content-length': 5_121 }).end(`"${'a'.repeat(5_119)}"`),
      'too-large',
    ],
    [
      'more than 5 KB in chunks',
      (_q, r) => {
        r.writeHead(200, { 'content-type': 'application/json' });
        for (let n = 0; n < 10; n += 1) r.write(' '.repeat(600));
        r.end('{}');
      },
      'too-large',
    ],
    [
      'a gzip bomb',
      (_q, r) => r.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(gzipSync(' '.repeat(4_000_000))),
      'too-large',
    ],
    ['HTML', (_q, r) => r.writeHead(200, { 'content-type': 'text/html' }).end('{}'), 'not-json'],
    ['no type', (_q, r) => r.writeHead(200).end('{}'), 'not-json'],
    ['text', (_q, r) => r.writeHead(200, { 'content-type': 'application/json' }).end('hello'), 'not-json'],
    [
      'JSON in Latin-1',
      (_q, r) => r.writeHead(200, { 'content-type': 'application/json' }).end(Buffer.from('{"a":"\xe9"}', 'latin1')),
      'not-json',
    ],
    ['nothing', (_q, r) => r.writeHead(200, { 'content-type': 'application/json' }).end(), 'not-json'],
    ['204', (_q, r) => r.writeHead(204).end(), 'status'],
    ['206', (_q, r) => r.writeHead(206, { 'content-type': 'application/json' }).end('{}'), 'status'],
    ['304 for no copy', (_q, r) => r.writeHead(304).end(), 'status'],
    ['500', (_q, r) => r.writeHead(500).end(), 'status'],
    ['a broken connection', (q) => q.socket.destroy(), 'no-answer'],
    [
      'a body that breaks off',
      (_q, r) => {
        r.writeHead(200, { 'content-type': 'application/json', 'content-length': 50 });
        r.write('{"a":1}');
        setImmediate(() => r.destroy());
      },
      'no-answer',
    ],
  ])('ABUSE-16: is %s', async (_name, answer, reason) => {
    const url = newUrl();
    host.serve(url, answer);
    expect(await obtain(url)).toMatchObject({ ok: false, problem: { reason } });
    expect(asked(url)).toBe(1);
  });

  it('ABUSE-16: is a slow drip, within 5 s in total', async () => {
    const url = newUrl();
    let timer: NodeJS.Timeout | undefined;
    host.serve(url, ((request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      timer = setInterval(() => response.write(' '), 100);
      request.socket.on('close', () => clearInterval(timer));
    }) satisfies DocumentAnswer);
    const outcome = await obtain(url);
    clearInterval(timer);
    expect(outcome).toMatchObject({ ok: false, problem: { reason: 'no-answer', detail: expect.stringContaining('within 5000 ms') } });
  });

  it('ABUSE-13: is a redirect, which is not followed', async () => {
    const [url, target] = [newUrl(), newUrl()];
    host.serve(target, { a: 1 });
    host.serve(url, ((_request, response) => response.writeHead(302, { location: target }).end()) satisfies DocumentAnswer);
    expect(await obtain(url)).toMatchObject({ ok: false, problem: { reason: 'redirect' } });
    expect(asked(target)).toBe(0);
  });

  it('takes as JSON what says it is', async () => {
    const url = newUrl();
    host.serve(url, { a: 1 }, { 'content-type': 'application/client+json; charset=utf-8' });
    expect(await obtain(url)).toMatchObject({ ok: true });
  });
});

describe('those who wait for one document', () => {
  it('cause one fetch, however many they are and on whichever instance', async () => {
    const url = newUrl();
    host.serve(url, ((_request, response) => {
      setTimeout(() => response.writeHead(200, { 'content-type': 'application/json' }).end('{"a":1}'), 200);
    }) satisfies DocumentAnswer);
    const all = await Promise.all(Array.from({ length: 50 }, (_, n) => obtain(url, { at: n % 2 ? other : issuer })));
    expect(all).toEqual(Array(50).fill({ ok: true, value: { a: 1 }, fetchedAt: all[0]?.ok && all[0].fetchedAt }));
    expect(asked(url)).toBe(1);
  });

  it('are told what went wrong, once for all of them', async () => {
    const url = newUrl();
    host.serve(url, ((request) => void setTimeout(() => request.socket.destroy(), 200)) satisfies DocumentAnswer);
    const all = await Promise.all(Array.from({ length: 20 }, (_, n) => obtain(url, { at: n % 2 ? other : issuer })));
    expect(all.every((outcome) => !outcome.ok && outcome.problem.reason === 'no-answer')).toBe(true);
    expect(asked(url)).toBe(1);
  });

  it('go on when the one who asked for them is gone: its lease ends by itself', async () => {
    const url = newUrl();
    host.serve(url, { a: 1 });
    await query(
      issuer.database.ownerUrl,
      `INSERT INTO remote_documents (tenant_id, kind, url, lease, lease_until, expires_at)
       VALUES ('root', 'client-metadata', '${url}', 'dead', clock_timestamp() + interval '300 milliseconds', now() + interval '1 day')`,
    );
    expect(await obtain(url)).toMatchObject({ ok: true });
    expect(asked(url)).toBe(1);
  });
});

describe('rows', () => {
  it('are bounded per tenant: documents that nobody relies on make room for each other', async () => {
    const [relied, first] = [newUrl(), newUrl()];
    host.serve(relied, { a: 1 });
    await obtain(relied);
    host.serve(first, { a: 1 });
    await obtain(first, { isReliedOn: false });
    time.forward(3_601);
    await query(
      issuer.database.ownerUrl,
      `INSERT INTO remote_documents (tenant_id, kind, url, tries, expires_at)
       SELECT 'root', 'client-metadata', 'https://filled.example/' || n, 1, now() + interval '1 day' + interval '30 minutes' FROM generate_series(1, 1000) AS n`,
    );
    await obtain(newUrl(), { isReliedOn: false });
    expect(await rows('NOT relied_on')).toHaveLength(1_000);
    expect(await rows(`url = '${first}'`)).toEqual([]);
    expect(await rows(`url = '${relied}'`)).toHaveLength(1);
    await query(issuer.database.ownerUrl, `DELETE FROM remote_documents WHERE url LIKE 'https://filled.example/%'`);
  });

  it('go a day after their last use, or 120 days after it where somebody relied on them', async () => {
    const [relied, unused, used] = [newUrl(), newUrl(), newUrl()];
    for (const url of [relied, unused, used]) host.serve(url, { a: 1 });
    await obtain(relied);
    for (const url of [unused, used]) await obtain(url, { isReliedOn: false });
    time.forward(80_000);
    await obtain(used, { isReliedOn: false });
    time.forward(8_000);
    while ((await sweepExpired(issuer.runtime)) > 0);
    const left = async () => (await rows(`url IN ('${relied}', '${unused}', '${used}')`)).map(({ url }) => url).sort();
    expect(await left()).toEqual([relied, used].sort());
    time.forward(121 * 86_400);
    while ((await sweepExpired(issuer.runtime)) > 0);
    expect(await left()).toEqual([]);
  });

  it('stay relied on, and as long as was noted, when two note their use at once', async () => {
    const [url, tenantId] = [newUrl(), issuer.tenant.id];
    host.serve(url, { a: 1 });
    await obtain(url, { isReliedOn: false });
    time.forward(7_200);
    // The one who relies on it comes between another's look and what that one notes of it.
    const key = { kind: 'client-metadata', url } as const;
    const before = await findDocument(issuer.runtime.store, tenantId, key);
    await obtain(url);
    const expiresAt = new Date(Date.now() + 86_400_000);
    await noteDocumentUse(issuer.runtime.store, tenantId, { key, isReliedOn: before?.isReliedOn ?? true, expiresAt });
    const row = await findDocument(issuer.runtime.store, tenantId, key);
    expect(row?.isReliedOn).toBe(true);
    expect(row?.expiresAt.getTime()).toBeGreaterThan(Date.now() + 119 * 86_400_000);
  });

  it('hold a URL of 2 KiB that cannot be compressed', async () => {
    const noise = Array.from({ length: 2_030 }, (_, n) => String.fromCharCode(97 + ((n * n * 7 + n * 13) % 26))).join('');
    const url = `https://long.example/${noise}`.slice(0, 2_048);
    host.serve(url, { a: 1 });
    expect(await obtain(url)).toMatchObject({ ok: true });
  });

  it('are of one tenant', async () => {
    const tenant = await issuer.addTenant('apart');
    const url = newUrl();
    host.serve(url, { a: 1 });
    await obtain(url);
    host.serve(url, { a: 2 });
    expect(await obtain(url, { at: tenant })).toMatchObject({ value: { a: 2 } });
    expect(await obtain(url)).toMatchObject({ value: { a: 1 } });
  });
});

describe('ENG-18: keys of a client', () => {
  const key = (kid: string) => ({ kty: 'OKP', crv: 'Ed25519', x: 'a'.repeat(43), kid });
  const obtainKeys = (uri: string, kid?: string) =>
    obtainClientKeys(issuer.runtime, issuer.tenant, { uri, kid, isReliedOn: true, caller: '192.0.2.1' });

  it('come from the shared copy; one that is not there is looked for again once a minute', async () => {
    const uri = newUrl();
    host.serve(uri, { keys: [key('a')] }, { 'cache-control': 'max-age=3600' });
    for (let n = 0; n < 10; n += 1) expect(await obtainKeys(uri, 'a')).toMatchObject({ ok: true, value: [key('a')] });
    for (let n = 0; n < 10; n += 1) await obtainKeys(uri, 'b');
    expect(asked(uri)).toBe(1);
    host.serve(uri, { keys: [key('b')] });
    time.forward(61);
    expect(await obtainKeys(uri, 'a')).toMatchObject({ value: [key('a')] });
    expect(asked(uri)).toBe(1);
    expect(await obtainKeys(uri, 'b')).toMatchObject({ value: [key('b')] });
    for (let n = 0; n < 10; n += 1) await obtainKeys(uri, `random-${n}`);
    expect(asked(uri)).toBe(2);
  });

  it('ABUSE-15: are refused when one of them is private, and the last good ones go on', async () => {
    const uri = newUrl();
    host.serve(uri, { keys: [{ ...key('a'), d: 'secret' }] });
    expect(await obtainKeys(uri)).toMatchObject({ ok: false, problem: { reason: 'unfit' } });
    host.serve(uri, { keys: [key('a')] });
    time.forward(31);
    expect(await obtainKeys(uri)).toMatchObject({ ok: true });
    host.serve(uri, { keys: [{ ...key('b'), d: 'secret' }] });
    time.forward(86_401);
    expect(await obtainKeys(uri)).toMatchObject({ ok: true, value: [key('a')], staleBecause: { reason: 'unfit' } });
  });
});

it('nothing goes along with a fetch that anybody could not send', async () => {
  const sent = host.headers.flatMap((headers) => Object.keys(headers));
  expect([...new Set(sent)].sort()).toEqual([
    'accept',
    'accept-encoding',
    'accept-language',
    'cache-control',
    'connection',
    'host',
    'if-none-match',
    'pragma',
    'sec-fetch-mode',
    'user-agent',
    'x-test-host',
  ]);
});
