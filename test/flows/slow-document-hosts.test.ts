/** Strangers with slow hosts take no room from documents that are known. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type GuardedFetch, OutboundFailure } from '../../src/platform/guarded-fetch.ts';
import { type DocumentOutcome, obtainDocument } from '../../src/services/obtain-document.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { moveTime } from '../support/moved-time.ts';

/** As many requests at a time as the product's way out has. */
const room = 20;
const waiting: (() => void)[] = [];
const known = 'https://known.example/client.json';

let running = 0;
const network: GuardedFetch = Object.assign(
  async (url: unknown, init: RequestInit = {}) => {
    if (running >= room) throw new OutboundFailure(`${running} outbound requests are running.`, { reason: 'busy' });
    running += 1;
    try {
      if (String(url).includes('slow')) {
        await new Promise<void>((resolve, reject) => {
          waiting.push(resolve);
          init.signal?.addEventListener('abort', () => {
            if (waiting.includes(resolve)) waiting.splice(waiting.indexOf(resolve), 1);
            reject(init.signal?.reason);
          });
        });
      }
      const headers = { 'content-type': 'application/json', 'cache-control': 'max-age=60' };
      return new Response('{"a":1}', { headers });
    } finally {
      running -= 1;
    }
  },
  { close: async () => undefined },
);

let issuer: TestIssuer;
beforeAll(async () => {
  issuer = await startIssuer({ strangers: network });
});
afterAll(() => issuer.stop());

const read = (json: unknown) => ({ ok: true as const, value: json });
const obtain = (url: string, { isReliedOn = true, caller = '192.0.2.1' } = {}): Promise<DocumentOutcome<unknown>> =>
  obtainDocument(issuer.runtime, issuer.tenant, { kind: 'client-metadata', url, read, isReliedOn, caller });

it('ABUSE-16: thirty new documents at slow hosts leave room for one that is known; what there was no room for is asked for later', async () => {
  expect(await obtain(known)).toMatchObject({ ok: true });
  const time = moveTime();
  try {
    time.forward(61);
    const slow = (n: number) => obtain(`https://slow-${n}.example/client.json`, { isReliedOn: false, caller: `198.51.100.${n % 12}` });
    const running = Array.from({ length: 12 }, (_, n) => slow(n));
    while (waiting.length < 12) await sleep(10);
    const outcomes = Promise.all([...running, ...Array.from({ length: 18 }, (_, n) => slow(12 + n))]);
    const renewed = await obtain(known);
    expect(renewed).toMatchObject({ ok: true });
    expect(renewed).not.toHaveProperty('staleBecause');
    // Those that wait for room give up before those that have it.
    const late = await obtain('https://late.example/client.json', { isReliedOn: false });
    expect(late).toMatchObject({ ok: false, problem: { reason: 'busy' } });
    expect(waiting).toHaveLength(12);
    for (const answer of waiting) answer();
    await outcomes;
    expect(await obtain('https://late.example/client.json', { isReliedOn: false })).toMatchObject({ ok: true });
  } finally {
    time.restore();
  }
});

it('ABUSE-16: whoever has several slow documents fetched keeps no other caller waiting', async () => {
  waiting.length = 0;
  const urls = Array.from({ length: 12 }, (_, n) => `https://slow-of-one-${n}.example/client.json`);
  const outcomes = Promise.all(urls.map((url) => obtain(url, { isReliedOn: false })));
  while (waiting.length < 4) await sleep(10);
  const other = await obtain('https://other.example/client.json', { isReliedOn: false, caller: '203.0.113.9' });
  expect(other).toMatchObject({ ok: true });
  expect(waiting).toHaveLength(4);
  // The others gave up waiting for room; these get their answer.
  while ((await Promise.race([outcomes, sleep(50)])) === undefined) for (const answer of waiting) answer();
  expect(waiting.length).toBeLessThanOrEqual(12);
});

it('ABUSE-16: whoever has none under way gets room from who has several: it takes as many addresses as places to keep another one out', async () => {
  waiting.length = 0;
  const settled: DocumentOutcome<unknown>[] = [];
  /** A new document at a slow host, for each address. */
  const fillWith = async (addresses: readonly string[], what: string) => {
    const outcomes = addresses.map(async (caller, n) => {
      settled.push(await obtain(`https://slow-${what}-${n}.example/client.json`, { isReliedOn: false, caller }));
    });
    while (waiting.length < addresses.length) await sleep(10);
    return async () => {
      for (const answer of [...waiting]) answer();
      await Promise.all(outcomes);
    };
  };
  const newcomer = (n: number) => obtain(`https://slow-new-${n}.example/client.json`, { isReliedOn: false, caller: `203.0.113.${n}` });

  const answerThree = await fillWith(
    Array.from({ length: 12 }, (_, n) => `198.51.100.${n % 3}`),
    'three',
  );
  const newcomers = Promise.all([newcomer(20), newcomer(21), newcomer(22)]);
  while (settled.length < 3 || waiting.length < 12) await sleep(10);
  // Those that gave way have not failed: they are asked for again as soon as somebody wants them.
  expect(settled).toEqual(
    Array.from({ length: 3 }, () => ({ ok: false, problem: { reason: 'busy', detail: 'too many documents are being fetched' } })),
  );
  await answerThree();
  expect(settled.filter(({ ok }) => ok)).toHaveLength(9);
  expect((await newcomers).map(({ ok }) => ok)).toEqual([true, true, true]);

  waiting.length = 0;
  settled.length = 0;
  const answerTwelve = await fillWith(
    Array.from({ length: 12 }, (_, n) => `198.51.100.${n}`),
    'twelve',
  );
  expect(await newcomer(30)).toMatchObject({ ok: false, problem: { reason: 'busy' } });
  await answerTwelve();
  expect(settled.filter(({ ok }) => ok)).toHaveLength(12);
});
