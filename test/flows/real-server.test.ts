/** The demo MCP server with our library, against the real issuer: who gets in with what. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exchange, type RawResponse } from '../support/http-exchange.ts';
import type { TestIssuer, TestPerson, TestServer } from '../support/issuer.ts';
import { moveTime } from '../support/moved-time.ts';
import { connect, postForm, refresh, registerTestClient, type TestClient, type Tokens } from '../support/oauth-client.ts';
import { sendRaw } from '../support/raw-connection.ts';
import { startWhole, type Whole } from '../support/whole.ts';

let whole: Whole;
let issuer: TestIssuer;
let person: TestPerson;
let client: TestClient;

beforeAll(async () => {
  whole = await startWhole();
  issuer = whole.issuer;
  person = await issuer.addPerson();
  client = await registerTestClient(issuer);
});
afterAll(async () => {
  expect(whole.faults).toEqual([]);
  await whole.stop();
});

function demoOrigin() {
  const { host, port } = new URL(whole.resource);
  return { host, port: Number(port) };
}

/** Calls the demo server with a JSON-RPC body. */
function call(authorization: string | undefined, body: unknown, path = '/mcp'): Promise<RawResponse> {
  return exchange(demoOrigin(), {
    method: 'POST',
    path,
    headers: {
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      'MCP-Protocol-Version': '2025-06-18',
      ...(authorization !== undefined && { Authorization: authorization }),
    },
    body: JSON.stringify(body),
  });
}

const listTools = { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} };

function callTool(name: string) {
  return { jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name, arguments: {} } };
}

function connectTo(tools: readonly string[], server: Pick<TestServer, 'resource'> = whole) {
  return connect(issuer, { client, person, server, scope: 'openid tools', decision: { tools } });
}

function challengeOf(answer: RawResponse): string {
  return answer.headers['www-authenticate'] ?? '';
}

describe('without a token', () => {
  it('MCP-35, MCP-36: a challenge that names no error leads to metadata that lead to the issuer', async () => {
    const answer = await call(undefined, listTools);
    expect(answer.status).toBe(401);
    expect(challengeOf(answer)).not.toContain('error');
    const metadataUrl = /resource_metadata="([^"]+)"/.exec(challengeOf(answer))?.[1] ?? '';
    expect(metadataUrl).toBe(`${new URL(whole.resource).origin}/.well-known/oauth-protected-resource/mcp`);
    const document = await exchange(demoOrigin(), { path: new URL(metadataUrl).pathname });
    expect(document.json()).toMatchObject({
      resource: whole.resource,
      authorization_servers: [issuer.url],
      bearer_methods_supported: ['header'],
      scopes_supported: ['tools', 'resources', 'prompts'],
    });
    const metadata = await issuer.send({ path: '/.well-known/oauth-authorization-server' });
    expect(metadata.json().issuer).toBe((document.json().authorization_servers as string[])[0]);
  });
});

describe('with a token', () => {
  it('MCP-36, MCP-37, ABUSE-60: for some tools: those are listed and run, others get 403 for exactly themselves', async () => {
    const tokens = await connectTo(['list_issues']);
    const bearer = `Bearer ${tokens.access_token}`;
    const listed = await call(bearer, listTools);
    expect(listed.status).toBe(200);
    expect([...listed.text.matchAll(/"name":"(\w+)"/g)].map(([, name]) => name)).toEqual(['list_issues']);
    expect((await call(bearer, callTool('list_issues'))).status).toBe(200);
    const refused = await call(bearer, callTool('delete_issue'));
    expect(refused.status).toBe(403);
    expect(challengeOf(refused)).toContain('error="insufficient_scope"');
    expect(challengeOf(refused)).toContain('scope="tool:delete_issue"');
  });

  it.each(['LIST_ISSUES', 'list_issues ', 'list_issues\0', 'tool:list_issues', 'list%5Fissues', '__proto__', 'constructor', 'nothing', ''])(
    'ABUSE-60: the alias %j is no tool that was allowed',
    async (name) => {
      const { access_token: token } = await connectTo(['list_issues']);
      const answer = await call(`Bearer ${token}`, callTool(name));
      expect([400, 403]).toContain(answer.status);
      const batch = await call(`Bearer ${token}`, [callTool('list_issues'), callTool(name)]);
      expect([400, 403]).toContain(batch.status);
    },
  );

  it('MCP-38, ABUSE-51, ABUSE-59: that is for another server, or is no access token, nobody gets in', async () => {
    const elsewhere = await issuer.addServer();
    const other = await connectTo(['list_issues'], elsewhere);
    const tokens = await connectTo(['list_issues']);
    const list = (await issuer.send({ path: '/status/0' })).text;
    for (const token of [other.access_token, tokens.id_token, tokens.refresh_token, list, client.managementToken]) {
      const answer = await call(`Bearer ${token}`, listTools);
      expect(answer.status).toBe(401);
      expect(challengeOf(answer)).toContain('error="invalid_token"');
      expect(challengeOf(answer)).toContain('resource_metadata=');
    }
  });

  it('MCP-38: in the query, it is refused', async () => {
    const { access_token: token } = await connectTo(['list_issues']);
    const answer = await call(undefined, listTools, `/mcp?access_token=${token}`);
    expect([400, 401]).toContain(answer.status);
  });

  it('MCP-36: that has run out, invalid_token; a refresh gives one that works', async () => {
    const tokens = await connectTo(['list_issues']);
    const time = moveTime();
    try {
      time.forward(906);
      const answer = await call(`Bearer ${tokens.access_token}`, listTools);
      expect([answer.status, challengeOf(answer).includes('invalid_token')]).toEqual([401, true]);
      const next = (await refresh(issuer, client, tokens.refresh_token)).json<Tokens>();
      expect((await call(`Bearer ${next.access_token}`, listTools)).status).toBe(200);
    } finally {
      time.restore();
    }
  });

  it('ABUSE-61: that was revoked, 401 within the bound, and the old list is believed no longer', async () => {
    const tokens = await connectTo(['list_issues']);
    expect((await call(`Bearer ${tokens.access_token}`, listTools)).status).toBe(200);
    await postForm(issuer, '/revoke', { token: tokens.refresh_token, client_id: client.clientId });
    const time = moveTime();
    try {
      time.forward(12);
      const answer = await call(`Bearer ${tokens.access_token}`, listTools);
      expect([answer.status, challengeOf(answer).includes('invalid_token')]).toEqual([401, true]);
    } finally {
      time.restore();
    }
  });
});

describe('request lines that cannot be parsed', () => {
  it.each(['http://[::1/mcp', 'http://a:99999/mcp', '//[/mcp', '*', '/%zz', '/mcp?%zz', '/.well-known/oauth-protected-resource/%zz'])(
    'ABUSE-57: %s is refused, and the server lives',
    async (target) => {
      const { port, host } = demoOrigin();
      const answer = await sendRaw(port, `POST ${target} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
      expect(answer).not.toMatch(/node_modules|\.ts:\d/);
      expect((await call(undefined, listTools)).status).toBe(401);
    },
  );
});
