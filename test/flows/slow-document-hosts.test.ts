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
  async (url: unknown) => {
    if (running >= room) throw new OutboundFailure(`${running} outbound requests are running.`, { reason: 'busy' });
    running += 1;
    try {
      if (String(url).includes('slow')) await new Promise<void>((resolve) => void waiting.push(resolve));
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
    const urls = Array.from({ length: 30 }, (_, n) => `https://slow-${n}.example/client.json`);
    const outcomes = Promise.all(urls.map((url, n) => obtain(url, { isReliedOn: false, caller: `198.51.100.${n % 3}` })));
    while (waiting.length < 12) await sleep(10);
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
