import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startIssuer, type TestIssuer, type TestServer } from '../support/issuer.ts';
import { connect, registerTestClient } from '../support/oauth-client.ts';

let issuer: TestIssuer;
let server: TestServer;

beforeAll(async () => {
  issuer = await startIssuer();
  server = await issuer.addServer();
  await connect(issuer, { client: await registerTestClient(issuer), person: await issuer.addPerson(), server });
});
afterAll(() => issuer.stop());

const documents = ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration', '/jwks', '/status/0'];

/** All of an answer but what differs each time. */
async function read(path: string, headers: Record<string, string> = {}) {
  const { status, text, headers: answered } = await issuer.send({ path, headers });
  const { date: _, 'x-request-id': requestId, ...rest } = answered;
  return { status, text, headers: rest, requestId };
}

describe('the short way to public documents', () => {
  it.each(documents)('%s: answers what the long way answers, header by header', async (path) => {
    await read(path); // a status list stands ready once it was asked for
    const short = await read(path);
    const long = await read(`${path}?`);
    expect(short).toEqual({ ...long, requestId: expect.stringMatching(/^req_[\w-]{20}$/) });
    expect(short.status).toBe(200);
    expect(short.requestId).not.toBe(long.requestId);
  });

  it.each(documents.slice(0, 3))('%s: a reader who has it hears that it is the newest', async (path) => {
    const { headers } = await read(path);
    expect(await read(path, { 'If-None-Match': String(headers.etag) })).toMatchObject({ status: 304, text: '' });
  });

  it('ABUSE-57: another host, two hosts, another spelling of the path do not get in by it', async () => {
    for (const path of documents) {
      expect((await issuer.send({ path, headers: { Host: 'evil.example' } })).status).toBe(421);
      expect((await issuer.send({ path: `/${path}` })).status).toBe(421);
      expect((await issuer.send({ path: `${path}/` })).status).toBe(404);
      expect((await issuer.send({ path: path.replace('/', '/%2e/') })).status).toBe(404);
    }
  });

  it('leaves other methods and lists that do not exist to the long way', async () => {
    const [metadata = ''] = documents;
    expect((await issuer.send({ path: metadata, method: 'POST' })).status).toBe(405);
    expect((await issuer.send({ path: metadata, method: 'OPTIONS' })).status).toBe(204);
    const head = await issuer.send({ path: metadata, method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, text: '' });
    for (const path of ['/status/999', '/status/00', '/status/', '/status/x']) expect((await issuer.send({ path })).status).toBe(404);
  });

  it('is in the log like any other request', async () => {
    await read('/jwks');
    expect(issuer.log.filter((line) => line.includes('"route":"protocol-jwks"'))).not.toHaveLength(0);
  });
});
