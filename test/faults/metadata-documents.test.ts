/** A client that is a document, met by two processes at once. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type DocumentAnswer, type DocumentHost, startDocumentHost } from '../support/document-host.ts';
import { exchange } from '../support/http-exchange.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { type IssuerProcess, startIssuerProcess } from '../support/issuer-process.ts';
import { connect } from '../support/oauth-client.ts';
import { publishClient, requestOf } from '../support/published-client.ts';

let host: DocumentHost;
let issuer: TestIssuer;
let other: IssuerProcess;
beforeAll(async () => {
  host = await startDocumentHost();
  issuer = await startIssuer({ strangers: host.fetch });
  other = await startIssuerProcess(issuer, undefined, { documentPort: host.port });
});
afterAll(async () => {
  await other.stop();
  await issuer.stop();
  await host.close();
});

it('MCP-29: 50 first requests over two processes cause one outbound fetch, and the client is there once', async () => {
  const server = await issuer.addServer();
  const published = publishClient(host);
  const { clientId, redirectUri } = published.client;
  const document = JSON.stringify({ client_id: clientId, client_name: 'Agent', redirect_uris: [redirectUri] });
  const slowly: DocumentAnswer = (_request, response) => {
    setTimeout(() => response.writeHead(200, { 'content-type': 'application/json' }).end(document), 300);
  };
  host.serve(clientId, slowly);
  const { pathname, search } = new URL(requestOf(issuer, published.client, server));
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, n) => exchange(n % 2 === 0 ? issuer.origin : other.origin, { path: pathname + search })),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(303));
  expect(published.fetches()).toBe(1);
  const tokens = await connect(issuer, { client: published.client, person: await issuer.addPerson(), server });
  expect(tokens.access_token).toBeDefined();
  expect(published.fetches()).toBe(1);
});
