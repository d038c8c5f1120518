import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sweepExpired } from '../../src/services/sweep-expired.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { moveTime } from '../support/moved-time.ts';
import { basic, claimsOf, connect, postJson, registerTestClient, type TestClient } from '../support/oauth-client.ts';
import { postReports, type ReportsAnswer, reportOf } from '../support/tool-reports.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;
let client: TestClient;
let token: Awaited<ReturnType<typeof connect>>;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer();
  client = await registerTestClient(issuer);
  token = await connect(issuer, { client, person, server });
});
afterAll(() => issuer.stop());

const events = (at: TestIssuer = issuer) =>
  at.runtime.store.auditEvent.findMany({ where: { tenantId: at.tenant.id, assurance: 'reported' }, orderBy: { at: 'asc' } });
const uses = () => issuer.runtime.store.toolUse.findMany({ where: { tenantId: issuer.tenant.id }, orderBy: { tool: 'asc' } });

async function send(reports: readonly unknown[], from: TestServer = server, at: TestIssuer = issuer): Promise<ReportsAnswer> {
  const response = await postReports(at, from, reports);
  expect([response.status, response.text.slice(0, 300)]).toEqual([200, expect.stringContaining('"accepted"')]);
  return response.json<ReportsAnswer>();
}

/** How many events there are more than before. */
async function added(work: () => Promise<unknown>): Promise<number> {
  const before = await issuer.runtime.store.auditEvent.count({ where: { assurance: 'reported' } });
  await work();
  return (await issuer.runtime.store.auditEvent.count({ where: { assurance: 'reported' } })) - before;
}

describe('a report', () => {
  it('becomes an event of the one who called, marked as reported, and is counted by day', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const report = reportOf(token, { requestId: 'req-7', traceId, arguments: { id: 7 }, unknown: 'ignored' });
    expect(await send([report])).toEqual({ accepted: 1, known: 0, refused: [], now: expect.any(String) });
    const { consent } = claimsOf(token.access_token);
    const installation = await issuer.runtime.store.installation.findFirstOrThrow({ where: { consentId: String(consent) } });
    const [event] = await events();
    expect(event).toMatchObject({
      at: new Date(String(report['at'])),
      type: 'tool.called',
      assurance: 'reported',
      outcome: 'success',
      actorType: 'client',
      actorId: client.clientId,
      userId: person.userId,
      clientId: client.clientId,
      serverId: server.serverId,
      consentId: consent,
      consentVersion: 1,
      installationId: installation.id,
      tool: 'list_issues',
      requestId: 'req-7',
      traceId,
      address: null,
      detail: { durationMs: 12, argumentBytes: 2, resultBytes: 345, argumentDigest: 'a'.repeat(43), arguments: { id: 7 } },
    });
    expect(await uses()).toEqual([
      expect.objectContaining({
        userId: person.userId,
        consentId: consent,
        tool: 'list_issues',
        assurance: 'reported',
        calls: 1,
        failures: 0,
        refusals: 0,
        lastAt: new Date(String(report['at'])),
      }),
    ]);
  });

  it('of each outcome: called, failed, refused, about to run', async () => {
    const begun = reportOf(token, { tool: 'create_issue', outcome: 'begun', durationMs: undefined });
    const answer = await send([
      begun,
      reportOf(token, { tool: 'create_issue', outcome: 'failure', error: 'tool', begunBy: begun['id'] }),
      reportOf(token, { tool: 'create_issue', outcome: 'denied' }),
      reportOf(token, { tool: 'never_heard_of', outcome: 'denied' }),
      reportOf(token, { tool: '', outcome: 'denied' }),
    ]);
    expect(answer.accepted).toBe(5);
    const recorded = (await events()).filter(({ tool }) => tool !== 'list_issues');
    expect(recorded.map(({ type, outcome, tool, detail }) => [type, outcome, tool, (detail as { begun?: string }).begun]).sort()).toEqual([
      ['tool.begun', 'success', 'create_issue', begun['id']],
      ['tool.called', 'failure', 'create_issue', begun['id']],
      ['tool.refused', 'denied', '', undefined],
      ['tool.refused', 'denied', 'create_issue', undefined],
      ['tool.refused', 'denied', 'never_heard_of', undefined],
    ]);
    expect((await uses()).map(({ tool, calls, failures, refusals }) => [tool, calls, failures, refusals])).toEqual([
      ['', 0, 0, 2],
      ['create_issue', 1, 1, 1],
      ['list_issues', 1, 0, 0],
    ]);
  });

  it('says which version of the consent was in force, though it comes later', async () => {
    const consentId = String(claimsOf(token.access_token).consent);
    const { store } = issuer.runtime;
    const first = await store.consentVersion.findFirstOrThrow({ where: { consentId } });
    const decidedAt = new Date(Date.now() - 3_600_000);
    await store.consentVersion.updateMany({ where: { consentId }, data: { decidedAt } });
    await store.consentVersion.create({ data: { ...first, tools: [], own: {}, version: 2, decidedAt: new Date(Date.now() - 60_000) } });
    const ats = [7_200_000, 1_800_000, 30_000].map((ms) => new Date(Date.now() - ms).toISOString());
    await send(ats.map((at) => reportOf(token, { at })));
    const recorded = await events();
    expect(ats.map((at) => recorded.find((event) => event.at.toISOString() === at)?.consentVersion)).toEqual([2, 1, 2]);
    await store.consentVersion.delete({ where: { tenantId_consentId_version: { tenantId: issuer.tenant.id, consentId, version: 2 } } });
  });

  it('is counted on the day of its instant, in UTC', async () => {
    const at = new Date(Date.now() - 20 * 3_600_000);
    await send([reportOf(token, { at: at.toISOString(), tool: 'delete_issue' })]);
    const [use] = (await uses()).filter(({ tool }) => tool === 'delete_issue');
    expect(use?.day.toISOString().slice(0, 10)).toBe(at.toISOString().slice(0, 10));
  });

  it('of a tool that the server has taken away since, and of a consent that has ended since, is kept', async () => {
    const other = await issuer.addServer();
    const theirs = await connect(issuer, { client, person, server: other });
    const consentId = String(claimsOf(theirs.access_token).consent);
    await issuer.runtime.store.tool.updateMany({ where: { serverId: other.serverId }, data: { removedAt: new Date() } });
    await issuer.runtime.store.consent.updateMany({
      where: { id: consentId },
      data: { endedAt: new Date(), endReason: 'revoked-by-user' },
    });
    expect(await send([reportOf(theirs)], other)).toMatchObject({ accepted: 1, refused: [] });
  });
});

describe('ABUSE-75: what is sent again counts once', () => {
  it('alone, in another batch, twice in one batch, and by many at the same time', async () => {
    const [one, two, three] = [reportOf(token), reportOf(token), reportOf(token)];
    const count = await added(async () => {
      expect(await send([one])).toMatchObject({ accepted: 1, known: 0 });
      expect(await send([one])).toMatchObject({ accepted: 0, known: 1 });
      expect(await send([two, one, two])).toMatchObject({ accepted: 1, known: 2 });
      const answers = await Promise.all(Array.from({ length: 20 }, () => send([one, two, three])));
      expect(answers.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(1);
    });
    expect(count).toBe(3);
    const calls = async () => (await uses()).reduce((sum, use) => sum + use.calls, 0);
    const before = await calls();
    await send([one, two, three]);
    expect(await calls()).toBe(before);
  });

  it('batches of the same people and tools at the same time lose no count and never wait for each other in a circle', async () => {
    const calls = async () => (await uses()).reduce((sum, use) => sum + (use.tool === 'list_issues' ? use.calls : 0), 0);
    const before = await calls();
    const batch = (turn: number) => {
      const reports = Array.from({ length: 25 }, (_, index) => reportOf(token, { tool: index % 2 ? 'list_issues' : 'create_issue' }));
      return turn % 2 ? reports : reports.reverse();
    };
    const answers = await Promise.all(Array.from({ length: 20 }, (_, turn) => send(batch(turn))));
    expect(answers.every(({ accepted }) => accepted === 25)).toBe(true);
    expect(await calls()).toBe(before + 240);
  });

  it('two servers that give the same id do not stand in each other’s way', async () => {
    const other = await issuer.addServer();
    const theirs = await connect(issuer, { client, person, server: other });
    const id = `rpt_${'same'.repeat(6)}`;
    const at = new Date().toISOString();
    expect(await send([reportOf(token, { id, at })])).toMatchObject({ accepted: 1 });
    expect(await send([reportOf(theirs, { id, at })], other)).toMatchObject({ accepted: 1 });
  });
});

describe('ABUSE-56: who may not report', () => {
  const post = (headers: Record<string, string>, body: unknown = { reports: [reportOf(token)] }) =>
    postJson(issuer, '/servers/reports', body, headers);

  it.each([
    ['nobody', () => ({})],
    ['a wrong secret', () => basic(server.serverId, 'x'.repeat(43))],
    ['an unknown server', () => basic('srv_unknown', server.credential)],
    ['a client', () => basic(client.clientId, 'x')],
    ['a person’s token', () => ({ Authorization: `Bearer ${token.access_token}` })],
    ['something that is no credential', () => ({ Authorization: 'Basic !!!' })],
    ['another way to say it', () => ({ Authorization: `basic ${Buffer.from(`${server.serverId}:`).toString('base64')}` })],
  ])('%s → 401 with a challenge, and nothing is kept', async (_who, headersOf) => {
    const count = await added(async () => {
      const response = await post(headersOf());
      expect([response.status, response.json().error]).toEqual([401, 'invalid_client']);
      expect(response.headers['www-authenticate']).toContain('Basic');
    });
    expect(count).toBe(0);
  });

  it('ABUSE-10: a body is not even read before the credential was right', async () => {
    const response = await issuer.send({
      method: 'POST',
      path: '/servers/reports',
      headers: { 'Content-Type': 'application/json', ...basic(server.serverId, 'wrong') },
      body: `{"reports":[${'1,'.repeat(400_000)}1]}`,
    });
    expect(response.status).toBe(401);
  });
});

describe('ABUSE-67: a server can report for itself only', () => {
  it('another server’s consent, another person’s, another client’s → refused by index, the good ones are kept', async () => {
    const [otherServer, otherPerson, otherClient] = [await issuer.addServer(), await issuer.addPerson(), await registerTestClient(issuer)];
    const atOther = await connect(issuer, { client, person, server: otherServer });
    const ofOther = await connect(issuer, { client, person: otherPerson, server });
    const byOther = await connect(issuer, { client: otherClient, person, server });
    const own = reportOf(token);
    const consentOf = (access: { access_token: string }) => claimsOf(access.access_token).consent;
    const count = await added(async () => {
      const answer = await send([
        reportOf(atOther),
        reportOf(token, { consent: consentOf(atOther) }),
        own,
        reportOf(token, { consent: consentOf(ofOther) }),
        reportOf(token, { subject: otherPerson.userId }),
        reportOf(token, { client: otherClient.clientId }),
        reportOf(token, { consent: consentOf(byOther) }),
        reportOf(token, { consent: 'cns_never' }),
        reportOf(token, { tool: 'not_a_tool' }),
        reportOf(token, { tool: 'not_a_tool', outcome: 'begun' }),
      ]);
      expect(answer.accepted).toBe(1);
      expect(answer.refused.map(({ index, member }) => `${index} ${member}`)).toEqual([
        ...[0, 1, 3, 4, 5, 6, 7].map((index) => `${index} consent`),
        '8 tool',
        '9 tool',
      ]);
      expect(answer.refused[0]?.message).toContain('must be a consent of this person for this client at your server');
    });
    expect(count).toBe(1);
  });

  it('another tenant’s server, person, client, consent → as if there were none', async () => {
    const away = await issuer.addTenant('away');
    const theirServer = await away.addServer();
    const theirs = await connect(away, { client: await registerTestClient(away), person: await away.addPerson(), server: theirServer });
    expect((await postReports(issuer, theirServer, [reportOf(theirs)])).status).toBe(401);
    expect((await postReports(away, server, [reportOf(token)])).status).toBe(401);
    expect((await send([reportOf(theirs)])).refused).toEqual([{ index: 0, member: 'status', message: expect.any(String) }]);
    expect((await send([reportOf(theirs, { status: undefined })])).refused).toEqual([
      { index: 0, member: 'consent', message: expect.any(String) },
    ]);
    expect(await events(away)).toEqual([]);
    expect(await send([reportOf(theirs)], theirServer, away)).toMatchObject({ accepted: 1 });
  });

  it('an index of somebody else’s installation gives the event no installation', async () => {
    const other = await connect(issuer, { client: await registerTestClient(issuer), person: await issuer.addPerson(), server });
    const report = reportOf(token, { status: reportOf(other)['status'] });
    await send([report]);
    const event = (await events()).find(({ at, userId }) => at.toISOString() === report['at'] && userId === person.userId);
    expect(event).toMatchObject({ consentId: claimsOf(token.access_token).consent, installationId: null });
  });
});

describe('a report that cannot be read', () => {
  const long = 'x'.repeat(10_000);
  it.each<[string, unknown, string]>([
    ['no object', 7, ''],
    ['a list', [], ''],
    ['nothing', null, ''],
    ['an id that is too short', { id: 'x' }, 'id'],
    ['an id with a line break', { id: `rpt_${'a'.repeat(16)}\n` }, 'id'],
    ['an instant that is none', { at: 'yesterday' }, 'at'],
    ['an instant without zone', { at: '2026-11-27T09:30:00' }, 'at'],
    ['an instant as a number', { at: 1_790_000_000 }, 'at'],
    ['the future', { at: new Date(Date.now() + 120_000).toISOString() }, 'at'],
    ['the day before yesterday', { at: new Date(Date.now() - 172_800_000).toISOString() }, 'at'],
    ['a subject that is an object', { subject: { not: '' } }, 'subject'],
    ['ABUSE-65: an operator object for a consent', { consent: { not: '' } }, 'consent'],
    ['a client that is too long', { client: long }, 'client'],
    ['a tool that is too long', { tool: long }, 'tool'],
    ['ABUSE-7: NUL in a tool', { tool: 'a\0b' }, 'tool'],
    ['half a character in a tool', { tool: '\ud800' }, 'tool'],
    ['an outcome of its own', { outcome: 'fine' }, 'outcome'],
    ['ABUSE-73: text for an error code', { error: 'it said:\r\n"no"' }, 'error'],
    ['a duration below zero', { durationMs: -1 }, 'durationMs'],
    ['a size that is no number', { resultBytes: '7' }, 'resultBytes'],
    ['a size beyond all numbers', { argumentBytes: 1e300 }, 'argumentBytes'],
    ['a digest that is text', { argumentDigest: 'the arguments were a, b' }, 'argumentDigest'],
    ['arguments that are too long', { arguments: long }, 'arguments'],
    ['ABUSE-7: NUL in arguments', { arguments: { a: ['\0'] } }, 'arguments'],
    ['NUL in the name of an argument', { arguments: { '\0': 1 } }, 'arguments'],
    ['half a character in arguments', { arguments: { a: '\udc00' } }, 'arguments'],
    ['a request id with a space', { requestId: 'a b' }, 'requestId'],
    ['a trace id that is none', { traceId: 'A'.repeat(32) }, 'traceId'],
    ['a status list elsewhere', { status: { uri: 'https://evil.example/status/0', index: 1 } }, 'status'],
    ['a status without an index', { status: { uri: `http://localhost/status/0` } }, 'status'],
    ['a status that is a text', { status: 'x' }, 'status'],
  ])('%s is named by its index and member, and the good ones are kept', async (_what, members, member) => {
    const bad = typeof members === 'object' && members !== null && !Array.isArray(members) ? reportOf(token, { ...members }) : members;
    const answer = await send([reportOf(token), bad, reportOf(token)]);
    expect(answer).toMatchObject({ accepted: 2, refused: [{ index: 1, member }] });
    expect(answer.refused[0]?.message).toMatch(/^must /);
  });

  it('members that are null are as good as absent', async () => {
    const nothing = { status: null, requestId: null, traceId: null, error: null, unseen: null, arguments: null, begunBy: null };
    expect(await send([reportOf(token, nothing)])).toMatchObject({ accepted: 1, refused: [] });
  });
});

describe('a batch that cannot be read → 400, and the process goes on', () => {
  it.each<[string, string, Record<string, string>]>([
    ['no JSON', '{', {}],
    ['a list', '[]', {}],
    ['no reports', '{}', {}],
    ['reports that are an object', '{"reports":{}}', {}],
    ['a thousand and one', `{"reports":[${Array(1001).fill('1').join(',')}]}`, {}],
    ['ABUSE-10: more than a mebibyte', `{"reports":["${'x'.repeat(1_100_000)}"]}`, {}],
    ['ABUSE-10: nested without end', `{"reports":${'['.repeat(5000)}${']'.repeat(5000)}}`, {}],
    ['a form', 'reports=1', { 'Content-Type': 'application/x-www-form-urlencoded' }],
    ['NUL', '{"reports":[]}\0', {}],
  ])('%s', async (_what, body, headers) => {
    const response = await issuer.send({
      method: 'POST',
      path: '/servers/reports',
      headers: { 'Content-Type': 'application/json', ...basic(server.serverId, server.credential), ...headers },
      body,
    });
    expect([response.status, response.json().error]).toEqual([400, 'invalid_request']);
    expect(await send([])).toMatchObject({ accepted: 0 });
  });

  it('a thousand at once are taken', async () => {
    const reports = Array.from({ length: 1_000 }, () => reportOf(token));
    expect(await send(reports)).toMatchObject({ accepted: 1_000, refused: [] });
  });
});

describe('what a server has dropped', () => {
  it('is said in the trail, once', async () => {
    const since = new Date(Date.now() - 3_000).toISOString();
    const dropped = { id: `rpt_${'d'.repeat(20)}`, count: 17, since };
    const count = await added(async () => {
      for (let time = 0; time < 2; time += 1) {
        expect((await postReports(issuer, server, [], { dropped })).json()).toMatchObject({ accepted: 0, refused: [] });
      }
    });
    expect(count).toBe(1);
    const event = (await events()).find(({ type }) => type === 'server.reports-dropped');
    expect(event).toMatchObject({
      actorType: 'server',
      actorId: server.serverId,
      outcome: 'failure',
      at: new Date(since),
      detail: { count: 17, since },
    });
  });

  it('a note that cannot be read is refused, and the reports beside it are kept', async () => {
    const response = await postReports(issuer, server, [reportOf(token)], { dropped: { id: 'x', count: 'many' } });
    expect(response.json()).toMatchObject({ accepted: 1, refused: [{ index: -1, member: 'dropped.id' }] });
  });
});

it('the counters by day go after half a year, and the trail stays', async () => {
  await send([reportOf(token)]);
  const { length } = await events();
  const time = moveTime();
  try {
    time.forward(183 * 86_400);
    while ((await sweepExpired(issuer.runtime)) > 0);
    expect((await uses()).length).toBeGreaterThan(0);
    time.forward(3 * 86_400);
    while ((await sweepExpired(issuer.runtime)) > 0);
    expect(await uses()).toEqual([]);
  } finally {
    time.restore();
  }
  expect(await events()).toHaveLength(length);
});

it('ABUSE-75: the runtime role can neither change nor remove what was reported', async () => {
  await expect(issuer.runtime.store.auditEvent.deleteMany({ where: { assurance: 'reported' } })).rejects.toThrow(/permission denied/);
  await expect(issuer.runtime.store.auditEvent.updateMany({ data: { tool: 'another' } })).rejects.toThrow(/permission denied/);
});
