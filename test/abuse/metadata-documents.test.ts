/** Client ids and documents of attackers: what they lead to, which is nothing. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { parseClientMetadata } from '../../src/domain/client-metadata.ts';
import { createGuardedFetch, type GuardedFetch, OutboundFailure } from '../../src/platform/guarded-fetch.ts';
import { obtainClientKeys } from '../../src/services/obtain-client-keys.ts';
import { query } from '../support/database-holder.ts';
import { type DocumentHost, startDocumentHost } from '../support/document-host.ts';
import { startIssuer, type TestIssuer, type TestServer } from '../support/issuer.ts';
import { moveTime } from '../support/moved-time.ts';
import { requestOf } from '../support/published-client.ts';
import { type WatchedConnections, watchConnections } from '../support/watched-connections.ts';
import { hostileAnswers, hostileDocuments, hostileUrls } from './cimd-corpus.ts';

/** Who was connected to, and everything that was sent: by a listener on all addresses of this machine, of both families. */
const arrivals: { at: string; sent: Buffer[] }[] = [];
const listener = createServer((socket: Socket) => {
  const arrival = { at: String(socket.localAddress), sent: [] as Buffer[] };
  arrivals.push(arrival);
  socket.on('data', (chunk) => arrival.sent.push(chunk));
  socket.on('error', () => undefined);
});
/** And what this process tried to connect to, where nobody listens. */
let watched: WatchedConnections;

let port: number;
let strangers: GuardedFetch;
let issuer: TestIssuer;
let server: TestServer;
let asked: string[] = [];

beforeAll(async () => {
  // Without a host: `::`, which takes IPv4 as well, or where there is no IPv6 `0.0.0.0`.
  await new Promise<void>((resolve) => listener.listen(0, resolve));
  port = (listener.address() as AddressInfo).port;
  strangers = createGuardedFetch({
    profile: 'stranger',
    issuerIsLoopback: true,
    timeoutMs: 2_000,
    resolve: async (name) => {
      asked.push(name);
      const addresses = answerOf(name);
      if (!addresses) throw new Error('no such name');
      return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    },
  });
  issuer = await startIssuer({ strangers });
  server = await issuer.addServer();
  watched = watchConnections([port, 80, 443]);
});
afterAll(async () => {
  watched.stop();
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

/** What names of the attacker's resolve to: `answer-<n>` to an answer of the corpus, `rebinding-<n>` to another one each time. */
function answerOf(name: string): readonly string[] | undefined {
  const [, kind, index] = /^(answer|rebinding)-(\d+)\.attack\.example$/.exec(name) ?? [];
  if (kind === 'answer') return hostileAnswers[Number(index)];
  if (kind !== 'rebinding') return undefined;
  const count = asked.filter((one) => one === name).length;
  return count === 1 ? [nobodysAddress] : [rebound[Number(index)] ?? ''];
}

/** Public by its range, of which it is in the part that has been given out to nobody. */
const nobodysAddress = '3000::1';
/** What follows it. */
const rebound = ['127.0.0.1', '::1', '::ffff:127.0.0.1', '169.254.169.254', '10.0.0.1', 'fe80::1'];

/**
 * Without the one that is 127.0.0.1 to who reads it as decimal, and a public address of somebody else to who reads URLs as browsers do: a
 * client id it can be no more than the others, but as a mere URL nothing is wrong with it, and nobody is to be asked by a test.
 */
const unroutable = hostileUrls.filter((url) => url !== 'https://02130706433:{port}/client.json');

function expectNothingSent(): void {
  expect(arrivals.map(({ at, sent }) => [at, Buffer.concat(sent).toString('latin1')])).toEqual([]);
  expect(watched.tried()).toEqual([]);
}

it('the corpus has more than 200 entries, each once', () => {
  const all = [...hostileUrls, ...hostileAnswers.map((answer) => JSON.stringify(answer)), ...hostileDocuments];
  expect(new Set(all).size).toBe(all.length);
  expect(all.length).toBeGreaterThan(200);
  expect(hostileUrls.length + hostileAnswers.length).toBeGreaterThan(200);
});

describe('the witnesses', () => {
  afterEach(() => {
    arrivals.length = 0;
    watched.forget();
  });

  it.each(['127.0.0.1', '127.0.0.2', '::1', '::ffff:127.0.0.1', '::ffff:7f00:2'])('hear who comes to %s', async (address) => {
    const failure = await new Promise<string | undefined>((resolve) => {
      const socket = connect(port, address, () => socket.end('hello'));
      socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code));
      socket.once('close', () => resolve(undefined));
      socket.resume();
    });
    expect(watched.tried()).toEqual([`${address}:${port}`]);
    // Where this machine has no IPv6, nobody can reach anything there.
    if (failure !== undefined) return expect([address.includes(':'), failure]).toEqual([true, expect.stringMatching(/^E(?:ADDR|AF|NET)/)]);
    // The listener is told of it in its own time.
    while (Buffer.concat(arrivals[0]?.sent ?? []).toString() !== 'hello') await new Promise((resolve) => setTimeout(resolve, 10));
    expect(arrivals).toHaveLength(1);
  });

  it('see a fetch that is let through, where nobody listens', async () => {
    await expect(strangers(`https://rebinding-0.attack.example:${port}/client.json`)).rejects.toBeInstanceOf(OutboundFailure);
    expect(watched.tried()).toEqual([`${nobodysAddress}:${port}`]);
  });
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
    expectNothingSent();
    expect(await query(issuer.database.ownerUrl, 'SELECT id FROM clients')).toEqual([]);
    expect(await query(issuer.database.ownerUrl, 'SELECT url FROM remote_documents')).toEqual([]);
  });

  it('that reached the fetch all the same would be stopped there: no byte either', async () => {
    for (const url of unroutable) {
      const failure = await strangers(withPort(url)).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect([url, failure instanceof OutboundFailure]).toEqual([url, true]);
    }
    expectNothingSent();
  });

  it('ENG-16: is no better as the place of keys that a token request asks for', async () => {
    const asKeys = (uri: string) => ({
      redirect_uris: ['https://a.example/cb'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks_uri: uri,
    });
    const places = unroutable.map(withPort).filter((uri) => parseClientMetadata(asKeys(uri)).ok);
    const time = moveTime();
    try {
      for (const [index, uri] of places.entries()) {
        // Many are one host, which is asked so often in a minute and no more.
        if (index % 10 === 9) time.forward(61);
        const caller = `198.51.100.${index}`;
        const found = await obtainClientKeys(issuer.runtime, issuer.tenant, { uri, kid: 'a', isReliedOn: false, caller });
        expect([uri, found]).toEqual([uri, { ok: false, problem: { reason: 'no-public-address', detail: expect.any(String) } }]);
      }
    } finally {
      time.restore();
    }
    expect(places.length).toBeGreaterThan(100);
    expectNothingSent();
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
    expectNothingSent();
    const unknown = await authorizeAs('https://unknown.attack.example/client.json');
    expect(unknown.json().error_description).toBe('the metadata document cannot be had (no-public-address)');
    expect(await query(issuer.database.ownerUrl, 'SELECT id FROM clients')).toEqual([]);
  });

  it.each(rebound.map((address, index) => [address, index] as const))(
    'that resolves to a public address first and to %s the second time leads nowhere then, and no look-up is made between check and connection',
    async (_, index) => {
      asked = [];
      watched.forget();
      const name = `rebinding-${index}.attack.example`;
      const clientId = `https://${name}:${port}/client.json`;
      const time = moveTime();
      try {
        const first = await authorizeAs(clientId);
        expect([first.status, first.json().error_description]).toEqual([400, 'the metadata document cannot be had (no-answer)']);
        expect([asked, watched.tried()]).toEqual([[name], [`${nobodysAddress}:${port}`]]);
        time.forward(31);
        watched.forget();
        const second = await authorizeAs(clientId);
        expect([second.status, second.json().error_description]).toEqual([400, 'the metadata document cannot be had (no-public-address)']);
        expect(asked).toEqual([name, name]);
        expectNothingSent();
      } finally {
        time.restore();
      }
    },
  );
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
