/** The audit trail on the command line: found, followed, exported, and proved. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '../../src/domain/audit-event.ts';
import { type ApiKeyId, type ClientId, idPrefixes, type ServerId, type UserId } from '../../src/domain/ids.ts';
import { sha256Hex } from '../../src/platform/digest.ts';
import { randomId } from '../../src/platform/random.ts';
import { createUser } from '../../src/services/create-user.ts';
import { recordAuditEvents } from '../../src/store/audit.ts';
import { type AuditScene, setAuditScene } from '../support/audit-scene.ts';
import { jsonOf, problemOf, runCommand, type Settings, settingsFor, startCommand } from '../support/command.ts';
import { moveTime } from '../support/moved-time.ts';

let scene: AuditScene;
let env: Settings;
let folder: string;
let ann: UserId;

const claude = 'cli_claude' as ClientId;
const gone = 'cli_gone' as ClientId;
const tracker = 'srv_tracker' as ServerId;
const nightly = randomId(idPrefixes.apiKey) as ApiKeyId;
const day = (number: number, time = '12:00:00.000') => new Date(`2026-11-${String(number).padStart(2, '0')}T${time}Z`);

beforeAll(async () => {
  scene = await setAuditScene();
  env = settingsFor(scene.database);
  folder = await mkdtemp(join(tmpdir(), 'audit-'));
  await scene.asOwner(
    `INSERT INTO clients (tenant_id, id, kind, metadata, created_at, reap_after) VALUES ('root', '${claude}', 'manual', '{"name": "Claude"}', now(), now())`,
  );
  await scene.asOwner(`INSERT INTO servers (tenant_id, id, name, resource, resource_key, credential_digest, created_at)
    VALUES ('root', '${tracker}', 'Tracker', 'https://tracker.example/mcp', 'https://tracker.example/mcp', 'x', now())`);
  const made = await createUser(scene.runtime, scene.tenant, {
    email: 'ann@example.com',
    isAdmin: false,
    origin: { actorType: 'operator' },
  });
  if (!made.ok) throw new Error('no account');
  ann = made.user.id;
  await scene.clear();
  const base = { outcome: 'success', actorType: 'client', userId: ann, serverId: tracker } as const;
  const events: (AuditEvent & { at: Date })[] = [
    { type: 'client.registered', outcome: 'success', actorType: 'client', clientId: gone, at: day(1), detail: { name: 'Old Agent' } },
    { ...base, type: 'token.issued', clientId: gone, at: day(2) },
    { ...base, type: 'token.issued', clientId: claude, at: day(3), address: '192.0.2.1' },
    { ...base, type: 'tool.called', assurance: 'reported', clientId: claude, apiKeyId: nightly, tool: 'list_issues', at: day(4) },
    { ...base, type: 'tool.called', assurance: 'reported', clientId: claude, tool: 'delete_issue', outcome: 'failure', at: day(5) },
    { type: 'user.sign-in-failed', outcome: 'failure', actorType: 'user', at: day(6), detail: { reason: 'unknown' } },
    {
      type: 'user.created',
      outcome: 'success',
      actorType: 'operator',
      actorId: 'root',
      at: day(7),
      detail: { note: 'a\r\n\u001b[31mb\u202ec' },
    },
  ];
  for (const event of events) await recordAuditEvents(scene.runtime.store, [{ ...event, tenantId: scene.root }]);
  await scene.settle();
});
afterAll(async () => {
  await scene?.end();
  await rm(folder, { recursive: true });
});

const run = (...args: string[]) => runCommand(['audit', ...args], { env });
async function search(...args: string[]): Promise<Record<string, unknown>[]> {
  const { code, out, err } = await run('search', '--json', ...args);
  expect([code, err]).toEqual([0, expect.not.stringContaining('should not')]);
  return out
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
const daysOf = (events: readonly Record<string, unknown>[]) => events.map(({ at }) => Number(String(at).slice(8, 10)));

describe('audit search', () => {
  it.each([
    ['nothing', [], [7, 6, 5, 4, 3, 2, 1]],
    ['a person', ['--email', 'Ann@example.com'], [5, 4, 3, 2]],
    ['an agent by its id', ['--agent', claude], [5, 4, 3]],
    ['an agent by its name', ['--agent', 'claude'], [5, 4, 3]],
    ['an agent that is gone, by its name', ['--agent', 'old agent'], [2, 1]],
    ['an agent that is gone, by its id', ['--agent', gone], [2, 1]],
    ['an agent that never was', ['--agent', 'nobody'], []],
    ['a tool', ['--tool', 'delete_issue'], [5]],
    ['a server by its URL', ['--server', 'https://tracker.example/mcp'], [5, 4, 3, 2]],
    ['a server by its id', ['--server', tracker], [5, 4, 3, 2]],
    ['a server that is gone, by its id', ['--server', 'srv_gone'], []],
    ['an API key', ['--key', nightly], [4]],
    ['a type', ['--type', 'tool.called'], [5, 4]],
    ['a kind of type', ['--type', 'user'], [7, 6]],
    ['an outcome', ['--outcome', 'failure'], [6, 5]],
    ['a time', ['--since', '2026-11-03', '--until', '2026-11-05T12:00Z'], [4, 3]],
    ['a day', ['--on', '2026-11-05'], [5]],
    ['several', ['--agent', 'Claude', '--type', 'tool', '--outcome', 'failure'], [5]],
  ])('finds by %s', async (_what, args, days) => {
    expect(daysOf(await search(...args))).toEqual(days);
  });

  it('finds by a tool on the last day of that name, as an operator asks who used it', async () => {
    const time = moveTime();
    // A Monday.
    time.forward((Date.parse('2026-11-09T08:00:00Z') - Date.now()) / 1_000);
    try {
      expect(daysOf(await search('--tool', 'delete_issue', '--on', 'thursday'))).toEqual([5]);
      expect(daysOf(await search('--tool', 'delete_issue', '--on', 'tuesday'))).toEqual([]);
      const { code, out } = await run('search', '--tool', 'delete_issue', '--on', 'thursday');
      expect([code, out]).toEqual([0, expect.stringMatching(/tool\.called .*ann@example\.com +Claude +Tracker +delete_issue/)]);
    } finally {
      time.restore();
    }
  });

  it('says names beside ids', async () => {
    const [event] = await search('--tool', 'delete_issue');
    expect(event).toMatchObject({
      type: 'tool.called',
      ...{ email: 'ann@example.com', agent: 'Claude', server: 'Tracker', userId: ann, clientId: claude, serverId: tracker },
      ...{ assurance: 'reported', outcome: 'failure' },
    });
    const text = await run('search', '--tool', 'delete_issue');
    expect(text.out).toMatch(/^TIME +TYPE +OUTCOME +PERSON/);
    expect(text.out).toContain('2026-11-05 12:00:00Z  tool.called  failure (reported)  ann@example.com  Claude  Tracker  delete_issue');
    expect((await run('search', '--agent', 'nobody')).out).toBe('Nothing was recorded that is like that.\n');
  });

  it('answers a page at a time, each event once', async () => {
    const days: number[] = [];
    for (let args: string[] = []; ; ) {
      const { out, err } = await run('search', '--json', '-n', '3', ...args);
      days.push(
        ...daysOf(
          out
            .split('\n')
            .filter(Boolean)
            .map((line) => JSON.parse(line)),
        ),
      );
      const [, place] = /^More: add --before (\S+)$/m.exec(err) ?? [];
      if (place === undefined) break;
      args = ['--before', place];
    }
    expect(days).toEqual([7, 6, 5, 4, 3, 2, 1]);
  });

  it('ABUSE-73: what strangers wrote stays on its line, in printable characters', async () => {
    const { out } = await run('search', '--json', '--type', 'user.created');
    expect(out).toMatch(/^[\x20-\x7e]+\n$/);
    expect(JSON.parse(out)).toMatchObject({ detail: { note: 'a\r\n\u001b[31mb\u202ec' } });
  });

  it.each([
    ['--type', 'nonsense', 'no type of event'],
    ['--since', 'yesterday', 'no time'],
    ['--on', 'tomorrow', 'no day'],
    ['--before', 'here', 'not what a page ended with'],
    ['--outcome', 'maybe', 'success'],
    ['-n', '0', 'number from 1'],
  ])('%s %s is bad usage', async (option, value, words) => {
    const { code, err } = await run('search', option, value);
    expect([code, err]).toEqual([2, expect.stringContaining(words)]);
  });

  it('a day and a time at once are bad usage', async () => {
    const { code, err } = await run('search', '--on', 'tuesday', '--since', '7d');
    expect([code, err]).toEqual([2, expect.stringContaining('either --on')]);
  });

  it('an unknown person is a failure', async () => {
    expect(problemOf(await run('search', '--json', '--email', 'nobody@example.com')).code).toBe('unknown-user');
    expect(problemOf(await run('search', '--json', '--server', 'https://typo.example/mcp')).code).toBe('unknown-server');
    expect((await run('search', '--key', 'tgk_secret')).code).toBe(2);
  });
});

describe('audit tail', () => {
  it('shows the newest, in the order of time', async () => {
    const { out } = await run('tail', '-n', '3', '--json');
    expect(
      daysOf(
        out
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line)),
      ),
    ).toEqual([5, 6, 7]);
  });
});

describe('audit export and verify', () => {
  const keep = async (name: string, text: string) => {
    const path = join(folder, name);
    await writeFile(path, text);
    return path;
  };
  const verifyText = async (text: string, ...args: string[]) => run('verify', '--file', await keep('checked.jsonl', text), ...args);
  let whole: string;

  it('writes the trail with what proves it, which any machine can check', async () => {
    whole = (await run('export')).out;
    const lines = whole.split('\n').filter(Boolean);
    expect(lines).toHaveLength(9);
    expect(whole).toMatch(/^[\x20-\x7e\n]*$/);
    const [key, ...rest] = lines.map((line) => JSON.parse(line));
    expect(key).toEqual({ key: expect.objectContaining({ kty: 'EC', crv: 'P-256' }) });
    const seal = rest.pop();
    expect(seal).toMatchObject({ jws: expect.any(String), says: { seal: 1, events: 7, first: 1 } });
    // The digests that were signed are those of the lines as they stand there.
    const digests = lines.slice(1, 8).map((line) => sha256Hex(line));
    expect(Buffer.from(seal.digests, 'base64url').toString('hex')).toBe(digests.join(''));
    const verified = await verifyText(whole);
    expect([verified.code, verified.out]).toEqual([0, expect.stringContaining('The trail of root is whole: 7 events in 1 seal')]);
    expect((await run('verify')).out).toContain('The trail of root is whole: 7 events in 1 seal');
  });

  it.each<[string, (lines: string[]) => string[], string]>([
    ['changed', (lines) => lines.map((line) => line.replace('"tool":"delete_issue"', '"tool":"list_issues"')), 'event-changed'],
    ['removed', (lines) => lines.filter((line) => !line.includes('delete_issue')), 'event-missing'],
    ['added', (lines) => [lines[0] ?? '', (lines[3] ?? '').replace('evt_', 'evt_x'), ...lines.slice(1)], 'event-inserted'],
    ['moved', ([key = '', one = '', two = '', ...rest]) => [key, two, one, ...rest], 'event-moved'],
    [
      'given another member',
      (lines) => lines.map((line) => line.replace('"tool":"delete_issue"', '"tool":"delete_issue","z":1')),
      'event-changed',
    ],
  ])('ABUSE-75: an event of an export that was %s is found', async (_what, change, kind) => {
    const { code, out } = await verifyText(`${change(whole.trim().split('\n')).join('\n')}\n`, '--json');
    expect(code).toBe(1);
    expect(JSON.parse(out).trails[0].findings).toContainEqual(expect.objectContaining({ kind }));
  });

  it('ABUSE-75: what was sealed by somebody else is found by the keys of the issuer', async () => {
    const [key] = await scene.asOwner('SELECT public_jwk AS jwk FROM audit_keys');
    const ours = await keep('keys.json', JSON.stringify({ keys: [key?.['jwk']] }));
    expect((await verifyText(whole, '--keys', ours)).code).toBe(0);
    const other = await keep('other.json', JSON.stringify({ keys: [{ ...(key?.['jwk'] as object), ...(await otherPoint()) }] }));
    const { code, out } = await verifyText(whole, '--keys', other);
    expect([code, out]).toEqual([1, expect.stringContaining('no key that counts here')]);
  });

  it('goes on where it ended; the parts prove each other', async () => {
    const resume = join(folder, 'cursor');
    const first = await run('export', '--resume', resume);
    expect([first.out, await readFile(resume, 'utf8')]).toEqual([whole, '1\n']);
    await scene.record(2);
    await scene.settle();
    const second = await run('export', '--resume', resume);
    expect(second.out.split('\n').filter((line) => line.includes('"type"'))).toHaveLength(2);
    expect(await readFile(resume, 'utf8')).toBe('2\n');
    expect((await run('export', '--resume', resume)).out.split('\n').filter((line) => line.includes('"type"'))).toHaveLength(0);
    const both = await verifyText(first.out + second.out);
    expect([both.code, both.out]).toEqual([0, expect.stringContaining('9 events in 2 seals')]);
    expect((await verifyText(second.out)).code).toBe(0);
    expect((await run('export', '--after', '1')).out).toBe(second.out);
    const checkpoint = await keep('checkpoint', first.out);
    expect((await run('verify', '--checkpoint', checkpoint)).code).toBe(0);
    const third = await verifyText(first.out, '--checkpoint', await keep('newer', second.out));
    expect([third.code, third.out]).toEqual([1, expect.stringContaining('ends with seal 1')]);
  });

  it('a choice of events is events alone, and proves nothing', async () => {
    const { out } = await run('export', '--tool', 'list_issues');
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).tool),
    ).toEqual(['list_issues']);
    expect((await verifyText(out)).err).toContain('has no seals');
  });

  it('ABUSE-75: what an owner of the database changed is named, and the exit code says so', async () => {
    await scene.asOwner(`UPDATE audit_events SET tool = 'nothing' WHERE tool = 'delete_issue'`);
    const { code, out } = await run('verify', '--tenant', 'root');
    expect([code, out]).toEqual([
      1,
      expect.stringMatching(/NOT as it was sealed: 1 finding[\s\S]*Event 5 \(evt_[\w-]+, seal 1\) was changed/),
    ]);
    const json = await run('verify', '--json');
    expect([json.code, jsonOf<{ findings: unknown[] }[]>({ ...json, code: 0 })[0]?.findings]).toEqual([
      1,
      [expect.objectContaining({ number: 5 })],
    ]);
    await scene.asOwner(`UPDATE audit_events SET tool = 'delete_issue' WHERE tool = 'nothing'`);
    expect((await run('verify')).code).toBe(0);
  });

  it.each([
    [['--file', '/nowhere'], 'cannot be read'],
    [['--keys', '/nowhere'], '--keys goes with --file'],
    [['--checkpoint', '/nowhere'], 'cannot be read'],
  ])('verify %j is bad usage', async (args, words) => {
    const { code, err } = await run('verify', ...args);
    expect([code, err]).toEqual([2, expect.stringContaining(words)]);
  });
});

describe('audit tail --follow', () => {
  it('goes on with what comes, until it is stopped', async () => {
    const tail = startCommand(['audit', 'tail', '-n', '1', '-f', '--json', '--type', 'user.enabled'], { env, cwd: folder });
    const isWatching = async () => {
      await recordAuditEvents(scene.runtime.store, [
        { tenantId: scene.root, type: 'user.enabled', outcome: 'success', actorType: 'operator', at: day(20), userId: ann },
      ]);
    };
    // However long it takes to start: one of them comes after.
    const telling = setInterval(() => void isWatching(), 300);
    try {
      await tail.says('user.enabled');
    } finally {
      clearInterval(telling);
      tail.process.kill('SIGINT');
    }
    const { code, out } = await tail.ended;
    const ids = out
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line).id);
    expect([code, new Set(ids).size]).toEqual([0, ids.length]);
  });
});

async function otherPoint(): Promise<object> {
  const { exportJWK, generateKeyPair } = await import('jose');
  const { publicKey } = await generateKeyPair('ES256');
  const { x, y } = await exportJWK(publicKey);
  return { x, y };
}
