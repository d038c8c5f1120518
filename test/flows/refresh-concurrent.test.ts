import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { connect, isActive, refresh, registerTestClient, type TestClient, type Tokens } from '../support/oauth-client.ts';

let issuer: TestIssuer;
let second: TestIssuer;
let person: TestPerson;
let server: TestServer;
let client: TestClient;

beforeAll(async () => {
  issuer = await startIssuer();
  second = await startIssuer({ beside: issuer, maxConnections: 1 });
  person = await issuer.addPerson();
  server = await issuer.addServer();
  client = await registerTestClient(issuer);
});

/** What Node tells of each request that its servers receive. */
const requestStart = 'http.server.request.start';

afterAll(async () => {
  await second?.stop();
  await issuer?.stop();
});

/** Keeps the only database connection of the second instance busy, so that whatever arrives there waits; the returned function frees it. */
async function holdSecond(): Promise<() => Promise<void>> {
  const held = Promise.withResolvers<void>();
  const freed = Promise.withResolvers<void>();
  const holding = second.runtime.store.$transaction(async () => {
    held.resolve();
    await freed.promise;
  });
  await held.promise;
  return async () => {
    freed.resolve();
    await holding;
  };
}

/** Resolves when the whole of a token request has arrived at the second instance, whatever that waits for then. */
function arrivalAtSecond(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const watch = (message: unknown) => {
    const { request, socket } = message as { request: IncomingMessage; socket: Socket };
    if (socket.localPort !== Number(second.origin.port) || request.url !== '/token') return;
    unsubscribe(requestStart, watch);
    request.once('end', resolve);
  };
  subscribe(requestStart, watch);
  return promise;
}

/** A refresh whose body is kept back until `finish`, which resolves with the answer; the headers have been read when this resolves. */
async function beginSlowRefresh(token: string): Promise<{ finish(): Promise<string> }> {
  const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token, client_id: client.clientId }).toString();
  const request = httpRequest({
    host: '127.0.0.1',
    port: issuer.origin.port,
    method: 'POST',
    path: '/token',
    headers: {
      Host: issuer.origin.host,
      'Content-Type': 'application/x-www-form-urlencoded',
      'Content-Length': Buffer.byteLength(body),
      Expect: '100-continue',
    },
    agent: false,
  });
  const answer = new Promise<string>((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
    });
  });
  await new Promise<void>((resolve) => {
    request.once('continue', () => resolve());
    request.flushHeaders();
  });
  return {
    finish() {
      request.end(body);
      return answer;
    },
  };
}

async function countLiveTokens(): Promise<number> {
  return issuer.runtime.store.artifact.count({ where: { model: 'RefreshToken', consumedAt: null } });
}

describe('refreshes of one client that cross each other', () => {
  it('ABUSE-48, MCP-23: one that had arrived before another used the successor gets the one live token; one that comes later is reuse', async () => {
    const { refresh_token: first } = await connect(issuer, { client, person, server });
    const { refresh_token: successor } = (await refresh(issuer, client, first)).json<Tokens>();

    // A request with the first token is under way and waits; meanwhile another call of the same client uses the successor.
    const free = await holdSecond();
    const arrival = arrivalAtSecond();
    const crossing = refresh(second, client, first);
    await arrival;
    const last = (await refresh(issuer, client, successor)).json<Tokens>();
    await free();

    const answer = await crossing;
    expect(answer.status).toBe(200);
    expect(answer.json<Tokens>().refresh_token).toBe(last.refresh_token);
    expect(await countLiveTokens()).toBe(1);
    expect(await isActive(issuer, server, last.access_token)).toBe(true);

    const replay = await refresh(issuer, client, first);
    expect(replay.json()).toMatchObject({ error: 'invalid_grant' });
    expect(await isActive(issuer, server, last.access_token)).toBe(false);
    expect((await refresh(issuer, client, last.refresh_token)).json()).toMatchObject({ error: 'invalid_grant' });
  });

  it('ABUSE-48: one that sends its body slowly counts from the end of it', async () => {
    const { refresh_token: first } = await connect(issuer, { client, person, server });
    const { refresh_token: successor } = (await refresh(issuer, client, first)).json<Tokens>();
    const slow = await beginSlowRefresh(first);
    const last = (await refresh(issuer, client, successor)).json<Tokens>();

    expect(await slow.finish()).toContain('invalid_grant');
    expect(await isActive(issuer, server, last.access_token)).toBe(false);
  });
});
