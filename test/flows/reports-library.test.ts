/** The library and the issuer together: what a server's door sees stands in the trail. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { UserId } from '../../src/domain/ids.ts';
import type { VerifierOptions } from '../../src/resource-server/index.ts';
import { type ProtectOptions, protect } from '../../src/resource-server/web.ts';
import { dumpDatabase } from '../support/canaries.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { askToken, makeApiKey, makeMachine } from '../support/machine.ts';
import { moveTime } from '../support/moved-time.ts';
import { connect, registerTestClient, type TestClient } from '../support/oauth-client.ts';
import { postReports, reportOf } from '../support/tool-reports.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;
let client: TestClient;
let accessToken: string;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer();
  client = await registerTestClient(issuer);
  ({ access_token: accessToken } = await connect(issuer, { client, person, server, decision: { tools: ['list_issues', 'create_issue'] } }));
});
afterAll(() => issuer.stop());

/** A server behind the web door, which answers every call. */
function serve(options: Partial<VerifierOptions & ProtectOptions> = {}) {
  const { serverId: id, credential: secret, resource } = server;
  const door = protect({ issuer: issuer.url, resource, credential: { id, secret }, ...options });
  const call = async (tool: string, args: unknown = {}, token = accessToken) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: args } });
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const answer = await door(new Request(resource, { method: 'POST', headers, body }), () =>
      Response.json({ jsonrpc: '2.0', id: 1, result: { content: [], isError: tool === 'create_issue' } }),
    );
    await answer.text();
    return answer.status;
  };
  return { call, reports: door.verifier.reports };
}

const eventsOf = (userId: string) =>
  issuer.runtime.store.auditEvent.findMany({ where: { userId: userId as UserId, type: { startsWith: 'tool.' } }, orderBy: { at: 'asc' } });

describe('calls at a door', () => {
  it('ABUSE-75: each stands in the trail, with all that both sides know', async () => {
    const { call, reports } = serve();
    expect([await call('list_issues'), await call('create_issue'), await call('delete_issue')]).toEqual([200, 200, 403]);
    await reports.close();
    expect(reports.stats()).toEqual({ queued: 0, delivered: 3, dropped: 0, refused: 0, problem: undefined });
    const events = await eventsOf(person.userId);
    expect(events.map(({ type, outcome, tool }) => `${type} ${outcome} ${tool}`).sort()).toEqual([
      'tool.called failure create_issue',
      'tool.called success list_issues',
      'tool.refused denied delete_issue',
    ]);
    for (const event of events) {
      expect(event).toMatchObject({ assurance: 'reported', clientId: client.clientId, consentVersion: 1, apiKeyId: null });
      expect(event.installationId).toMatch(/^ins_/);
    }
  });

  it("audit: 'before-call': both events of a call name each other", async () => {
    const { call, reports } = serve({ audit: 'before-call' });
    expect(await call('list_issues')).toBe(200);
    await reports.close();
    const named = (await eventsOf(person.userId)).flatMap(({ type, detail }) => {
      const { begun } = detail as { begun?: string };
      return begun === undefined ? [] : [`${type} ${begun}`];
    });
    const [, id] = named[0]?.split(' ') ?? [];
    expect(named.sort()).toEqual([`tool.begun ${id}`, `tool.called ${id}`]);
  });

  it('a server whose clock is hours behind is set right', async () => {
    const now = () => new Date(Date.now() - 30 * 3_600_000);
    // Status lists look as if they were of the future, so tokens are asked about.
    const { call, reports } = serve({ now, introspection: 'always' });
    const before = (await eventsOf(person.userId)).length;
    expect(await call('list_issues')).toBe(200);
    await reports.close();
    expect(reports.stats()).toMatchObject({ delivered: 1, refused: 0 });
    const events = await eventsOf(person.userId);
    expect(events.length).toBe(before + 1);
    expect(Math.abs((events.at(-1)?.at.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
  });
});

describe('ABUSE-74: secrets in arguments', () => {
  const canary = 'canary-4711-argument';

  it('are nowhere by default: not in the trail, not in the log, not in the database', async () => {
    const { call, reports } = serve();
    await call('list_issues', { password: canary, note: canary });
    await call('delete_issue', { [canary]: canary });
    await reports.close();
    expect(reports.stats()).toMatchObject({ delivered: 2, refused: 0 });
    expect(issuer.log.join('\n')).not.toContain(canary);
    expect(await dumpDatabase(issuer.database.ownerUrl)).not.toContain(canary);
  });

  it('with a policy, what is redacted is nowhere either', async () => {
    const { call, reports } = serve({ reports: { arguments: 'always', redact: ['$.note'] } });
    await call('list_issues', { id: 4712, password: canary, note: canary });
    await reports.close();
    const { detail } = (await eventsOf(person.userId)).at(-1) ?? {};
    expect(detail).toMatchObject({ arguments: { id: 4712, password: '[redacted]', note: '[redacted]' } });
    expect(await dumpDatabase(issuer.database.ownerUrl)).not.toContain(canary);
  });
});

describe('ABUSE-73: hostile names and arguments', () => {
  const hostile = '\u001b[31mred\r\nHost: evil\u202egnp.exe<script>alert(1)</script>\u0000\ud800';

  it('arrive as text, and no line of the log is theirs', async () => {
    const { call, reports } = serve({ reports: { arguments: 'always' } });
    expect(await call(hostile, { [hostile]: hostile })).toBe(403);
    await reports.close();
    expect(reports.stats()).toMatchObject({ delivered: 1, refused: 0, problem: undefined });
    const event = (await eventsOf(person.userId)).at(-1);
    const kept = hostile.replace('\u0000', '\uFFFD').replace('\ud800', '\uFFFD');
    expect(event).toMatchObject({ type: 'tool.refused', tool: kept, detail: { arguments: { [kept]: kept } } });
    expect(issuer.log.every((line) => !line.slice(0, -1).includes('\n') && JSON.parse(line))).toBe(true);
    expect(issuer.log.join('')).not.toContain('gnp.exe');
  });
});

describe('machines', () => {
  it('MCP-41: a machine client’s calls are its service account’s', async () => {
    const machine = await makeMachine(issuer, { assigned: { server, tools: ['list_issues'] } });
    const token = (await askToken(issuer, machine, { resource: server.resource })).json<{ access_token: string }>().access_token;
    const { call, reports } = serve();
    expect([await call('list_issues', {}, token), await call('delete_issue', {}, token)]).toEqual([200, 403]);
    await reports.close();
    expect(reports.stats()).toMatchObject({ delivered: 2, refused: 0 });
    for (const event of await eventsOf(machine.serviceAccountId)) {
      expect(event).toMatchObject({ clientId: machine.clientId, consentId: null, apiKeyId: null, serverId: server.serverId });
    }
  });

  it('an API key’s calls name the key, and not the key itself', async () => {
    const key = await makeApiKey(issuer, { server, tools: ['list_issues'] });
    const owned = await makeApiKey(issuer, { server, tools: ['list_issues'], owner: { userId: person.userId } });
    const { call, reports } = serve();
    expect([await call('list_issues', {}, key.secret), await call('list_issues', {}, owned.secret)]).toEqual([200, 200]);
    await reports.close();
    expect(reports.stats()).toMatchObject({ delivered: 2, refused: 0 });
    expect(await eventsOf(key.subject)).toEqual([expect.objectContaining({ apiKeyId: key.id, clientId: null, consentId: null })]);
    expect((await eventsOf(person.userId)).at(-1)).toMatchObject({ apiKeyId: owned.id });
    expect(await dumpDatabase(issuer.database.ownerUrl)).not.toContain(key.secret);
  });

  it('ABUSE-67: a server cannot report a machine or a key that is another server’s, or another’s subject', async () => {
    const other = await issuer.addServer();
    const machine = await makeMachine(issuer, { assigned: { server: other, tools: ['list_issues'] } });
    const key = await makeApiKey(issuer, { server: other, tools: ['list_issues'] });
    const person2 = await issuer.addPerson();
    const about = (subject: string, clientId: string) =>
      reportOf({ access_token: accessToken }, { subject, client: clientId, consent: undefined, status: undefined });
    const answer = await postReports(issuer, server, [
      about(machine.serviceAccountId, machine.clientId),
      about(key.subject, key.id),
      about(person.userId, client.clientId),
      about(person2.userId, key.id),
      about(machine.serviceAccountId, client.clientId),
    ]);
    expect(answer.json()).toMatchObject({ accepted: 0, refused: Array(5).fill({ member: 'client' }) });
    const theirs = await postReports(issuer, other, [about(machine.serviceAccountId, machine.clientId), about(key.subject, key.id)]);
    expect(theirs.json()).toMatchObject({ accepted: 2, refused: [] });
  });
});

describe('an issuer that is away', () => {
  it('ABUSE-75: gets all that there is room for once it is back, each once, and hears how many are missing', async () => {
    const before = (await eventsOf(person.userId)).length;
    let isAway = false;
    const fetchUnlessAway: NonNullable<VerifierOptions['fetch']> = async (url, init) => {
      if (!isAway) return fetch(url, init);
      // The question arrives, and its answer is lost.
      if (init.body?.includes('"outcome":"success"')) await fetch(url, init);
      throw new TypeError('fetch failed');
    };
    const { call, reports } = serve({ fetch: fetchUnlessAway, reports: { maxQueued: 5 } });
    await call('list_issues');
    await reports.flush();
    isAway = true;
    for (let count = 0; count < 8; count += 1) expect(await call('list_issues')).toBe(200);
    await reports.flush();
    expect(reports.stats()).toMatchObject({ queued: 5, delivered: 1, dropped: 3, problem: expect.stringContaining('cannot be reached') });
    isAway = false;
    const time = moveTime();
    try {
      time.forward(31);
      await reports.close();
    } finally {
      time.restore();
    }
    expect(reports.stats()).toMatchObject({ queued: 0, delivered: 6, dropped: 3 });
    expect((await eventsOf(person.userId)).length).toBe(before + 6);
    const notes = await issuer.runtime.store.auditEvent.findMany({ where: { type: 'server.reports-dropped', serverId: server.serverId } });
    expect(notes.map(({ detail }) => (detail as { count: number }).count).reduce((sum, count) => sum + count, 0)).toBe(3);
  });
});
