/** Client ids and documents of attackers: what they lead to, which is nothing. */

import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createGuardedFetch, type GuardedFetch, OutboundFailure } from '../../src/platform/guarded-fetch.ts';
import { query } from '../support/database-holder.ts';
import { type DocumentHost, startDocumentHost } from '../support/document-host.ts';
import { startIssuer, type TestIssuer, type TestServer } from '../support/issuer.ts';
import { requestOf } from '../support/published-client.ts';
import { hostileAnswers, hostileDocuments, hostileUrls } from './cimd-corpus.ts';

/** Everything that was ever sent to this machine by the tests of this file; it listens on all addresses, of both families. */
const arrived: Buffer[] = [];
let connections = 0;
const listener = createServer((socket: Socket) => {
  connections += 1;
  socket.on('data', (chunk) => arrived.push(chunk));
  socket.on('error', () => undefined);
});

let port: number;
let strangers: GuardedFetch;
let issuer: TestIssuer;
let server: TestServer;
let asked: string[] = [];

beforeAll(async () => {
  await new Promise<void>((resolve) => listener.listen(0, resolve));
  port = (listener.address() as AddressInfo).port;
  strangers = createGuardedFetch({
    profile: 'stranger',
    issuerIsLoopback: true,
    timeoutMs: 2_000,
    resolve: async (name) => {
      asked.push(name);
      const [, index] = /^answer-(\d+)\.attack\.example$/.exec(name) ?? [];
      if (index === undefined) throw new Error('no such name');
      return (hostileAnswers[Number(index)] ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    },
  });
  issuer = await startIssuer({ strangers });
  server = await issuer.addServer();
});
afterAll(async () => {
  await issuer.stop();
  await strangers.close();
  await new Promise((resolve) => listener.close(resolve));
});

const withPort = (text: string) => text.replaceAll('{port}', String(port));

/** What an authorization request with such a client id comes to. */
async function authorizeAs(clientId: string, at: TestIssuer = issuer) {
  const url = new URL(requestOf(at, { clientId, redirectUri: 'https://client.example/cb' }, server));
  return at.send({ path: url.pathname + url.search, headers: { Accept: 'application/json' } });
}

const nothingArrived = () => expect([connections, Buffer.concat(arrived).toString('latin1')]).toEqual([0, '']);

it('the corpus has more than 200 entries, each once', () => {
  const all = [...hostileUrls, ...hostileAnswers.map((answer) => JSON.stringify(answer)), ...hostileDocuments];
  expect(new Set(all).size).toBe(all.length);
  expect(all.length).toBeGreaterThan(200);
  expect(hostileUrls.length + hostileAnswers.length).toBeGreaterThan(200);
});

it('the listener hears those who do come, on loopback', async () => {
  const before = connections;
  await new Promise<void>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.destroy());
    socket.on('close', () => resolve());
  });
  // The listener is told of it in its own time.
  while (connections === before) await new Promise((resolve) => setTimeout(resolve, 10));
  connections = before;
});

describe('ABUSE-12, ABUSE-14: a hostile client id', () => {
  it('is refused with 400 and a page of ours, redirects nowhere, makes no client, and sends no byte', async () => {
    for (const url of hostileUrls) {
      asked = [];
      const answer = await authorizeAs(withPort(url));
      expect([url, answer.status, answer.headers.location]).toEqual([url, 400, undefined]);
      expect([url, answer.json().error]).toEqual([url, expect.stringMatching(/^invalid_(?:client|request)$/)]);
      // Refused by what it is: nobody was asked where it leads.
      expect([url, asked]).toEqual([url, []]);
    }
    nothingArrived();
    expect(await query(issuer.database.ownerUrl, 'SELECT id FROM clients')).toEqual([]);
    expect(await query(issuer.database.ownerUrl, 'SELECT url FROM remote_documents')).toEqual([]);
  });

  it('that reached the fetch all the same would be stopped there: no byte either', async () => {
    for (const url of hostileUrls) {
      const failure = await strangers(withPort(url)).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect([url, failure instanceof OutboundFailure, connections]).toEqual([url, true, 0]);
    }
    nothingArrived();
  });
});

describe('ABUSE-12, ABUSE-13: a public name', () => {
  it('that resolves to special-use addresses, if only one of several, is not connected to, and the page does not tell what it found', async () => {
    for (const [index, answer] of hostileAnswers.entries()) {
      asked = [];
      const name = `answer-${index}.attack.example`;
      const refused = await authorizeAs(`https://${name}:${port}/client.json`);
      expect([answer, refused.status, refused.json().error]).toEqual([answer, 400, 'invalid_client']);
      expect([answer, refused.json().error_description]).toEqual([answer, 'the metadata document cannot be had (no-public-address)']);
      // Looked up once: there is no second answer between the check and the connection.
      expect([answer, asked]).toEqual([answer, [name]]);
      for (const address of answer) if (address !== '') expect(refused.text).not.toContain(address);
    }
    nothingArrived();
    const unknown = await authorizeAs('https://unknown.attack.example/client.json');
    expect(unknown.json().error_description).toBe('the metadata document cannot be had (no-public-address)');
    expect(await query(issuer.database.ownerUrl, 'SELECT id FROM clients')).toEqual([]);
  });
});

describe('ABUSE-15: a hostile document', () => {
  let host: DocumentHost;
  let reaching: TestIssuer;
  beforeAll(async () => {
    host = await startDocumentHost();
    reaching = await startIssuer({ strangers: host.fetch, beside: issuer });
  });
  afterAll(async () => {
    await reaching.stop();
    await host.close();
  });

  it('is refused with 400, redirects nowhere, and makes no client', async () => {
    for (const [index, document] of hostileDocuments.entries()) {
      const clientId = `https://document-${index}.example/client.json`;
      const body = document.replaceAll('{id}', clientId);
      host.serve(clientId, ((_request: unknown, response: { writeHead(status: number, headers: object): { end(text: string): void } }) =>
        response.writeHead(200, { 'content-type': 'application/json' }).end(body)) as never);
      const answer = await authorizeAs(clientId, reaching);
      expect([document, answer.status, answer.headers.location]).toEqual([document, 400, undefined]);
      expect([document, answer.json().error]).toEqual([document, 'invalid_client']);
    }
    expect(host.requests).toHaveLength(hostileDocuments.length);
    expect(await query(issuer.database.ownerUrl, 'SELECT id FROM clients')).toEqual([]);
  });
});
