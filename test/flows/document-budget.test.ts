/** How often hosts are asked for documents that are not known yet, and what strangers can make of that. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { obtainClientKeys } from '../../src/services/obtain-client-keys.ts';
import { type DocumentOutcome, obtainDocument } from '../../src/services/obtain-document.ts';
import { query } from '../support/database-holder.ts';
import { type DocumentHost, startDocumentHost } from '../support/document-host.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { type MovedTime, moveTime } from '../support/moved-time.ts';

let host: DocumentHost;
let issuer: TestIssuer;
let time: MovedTime;

beforeAll(async () => {
  host = await startDocumentHost();
  issuer = await startIssuer({ strangers: host.fetch });
});
afterAll(async () => {
  await issuer.stop();
  await host.close();
});
beforeEach(() => {
  time = moveTime();
});
afterEach(() => time.restore());

const read = (json: unknown) => ({ ok: true as const, value: json });
const obtain = (url: string, { at = issuer, caller = '192.0.2.1' } = {}): Promise<DocumentOutcome<unknown>> =>
  obtainDocument(at.runtime, at.tenant, { kind: 'client-metadata', url, read, isReliedOn: true, caller });
const rows = (where: string) => query(issuer.database.ownerUrl, `SELECT * FROM remote_documents WHERE ${where}`);

describe('the budget', () => {
  const madeUp = (host: string, n: number) => `https://${host}/${n}.json`;
  const askedAt = (name: string) => host.requests.filter((place) => place.startsWith(`${name}/`)).length;
  const strangers = Array.from({ length: 12 }, (_, n) => `198.51.100.${n}`);

  it('ABUSE-16: bounds how often one host is asked for new documents, and takes nothing from those that are known', async () => {
    host.serve(madeUp('busy.example', 0), { a: 0 });
    await obtain(madeUp('busy.example', 0));
    const askAll = async () => {
      for (let n = 1; n <= 60; n += 1) await obtain(madeUp('busy.example', n), { caller: strangers[n % 12] as string });
    };
    await askAll();
    expect(askedAt('busy.example')).toBe(20);
    expect(await obtain(madeUp('busy.example', 99))).toMatchObject({ ok: false, problem: { reason: 'busy' } });
    expect(await rows(`url = '${madeUp('busy.example', 99)}'`)).toEqual([]);
    time.forward(3_600);
    host.serve(madeUp('busy.example', 0), { a: 1 });
    await askAll();
    expect(await obtain(madeUp('busy.example', 0))).toMatchObject({ ok: true, value: { a: 1 } });
  });

  it('ABUSE-16: one caller who makes documents up keeps nobody from the first good one of that host', async () => {
    for (let n = 1; n <= 40; n += 1) await obtain(madeUp('made-up.example', n));
    expect(askedAt('made-up.example')).toBe(5);
    host.serve(madeUp('made-up.example', 0), { a: 0 });
    expect(await obtain(madeUp('made-up.example', 0))).toMatchObject({ ok: false, problem: { reason: 'busy' } });
    expect(await obtain(madeUp('made-up.example', 0), { caller: '203.0.113.9' })).toMatchObject({ ok: true });
  });

  it('ABUSE-16: nor do several who go on: what is kept is for those who asked for little that was not there', async () => {
    for (let n = 1; n <= 20; n += 1) await obtain(madeUp('flooded.example', n), { caller: strangers[n % 4] as string });
    host.serve(madeUp('flooded.example', 0), { a: 0 });
    expect(await obtain(madeUp('flooded.example', 0), { caller: strangers[0] as string })).toMatchObject({ problem: { reason: 'busy' } });
    expect(await obtain(madeUp('flooded.example', 0), { caller: '203.0.113.9' })).toMatchObject({ ok: true });
  });

  it('ABUSE-16: key sets that are made up take nothing from client documents', async () => {
    for (let n = 1; n <= 40; n += 1) {
      const uri = madeUp('keys.example', n);
      await obtainClientKeys(issuer.runtime, issuer.tenant, { uri, isReliedOn: false, caller: strangers[n % 12] as string });
    }
    host.serve(madeUp('keys.example', 0), { a: 0 });
    expect(await obtain(madeUp('keys.example', 0), { caller: strangers[0] as string })).toMatchObject({ ok: true });
  });

  it('is of one tenant', async () => {
    const tenant = await issuer.addTenant('budget');
    for (let n = 0; n < 25; n += 1) await obtain(`https://shared.example/${n}`);
    expect(await obtain('https://shared.example/once-more')).toMatchObject({ problem: { reason: 'busy' } });
    expect(await obtain('https://shared.example/once-more', { at: tenant })).toMatchObject({ problem: { reason: 'status' } });
  });
});
