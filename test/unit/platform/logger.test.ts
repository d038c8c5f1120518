import { describe, expect, it } from '@jest/globals';
import { createLogger, type LogLevel, logFault, PlainMembers } from '../../../src/platform/logger.ts';

function record(level: LogLevel = 'trace') {
  const lines: string[] = [];
  const log = createLogger({ level, destination: { write: (line) => lines.push(line) } });
  return { log, lines, entries: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

const canary = 'canary-Zx81qPw7';
const jwt = `eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1c3JfMSJ9.${canary}`;
const linkToken = 'Zx81qPw7'.repeat(6);

describe('the log', () => {
  it('is one JSON object per line, with level, time and message', () => {
    const { log, lines, entries } = record();
    log.child({ requestId: 'req_1' }).info({ clientId: 'cli_1' }, 'client registered');
    expect(lines).toHaveLength(1);
    expect(entries()[0]).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      requestId: 'req_1',
      clientId: 'cli_1',
      message: 'client registered',
    });
  });

  it('writes members that hold no secret by construction as they are, still as one inert line', () => {
    const { log, lines, entries } = record();
    log.info(new PlainMembers({ route: 'account', ms: 1.5, odd: 'a\u202eb' }), 'request');
    expect(entries()[0]).toEqual({
      level: 'info',
      time: expect.any(String),
      route: 'account',
      ms: 1.5,
      odd: 'a\u202eb',
      message: 'request',
    });
    expect(lines[0]).not.toContain('\u202e');
  });

  it('leaves out what is below its level', () => {
    const { log, lines } = record('warn');
    log.info('no');
    log.warn('yes');
    expect(lines).toHaveLength(1);
    const silent = record('silent');
    silent.log.fatal('no');
    expect(silent.lines).toEqual([]);
  });

  it('ABUSE-74: takes API keys out of texts', () => {
    const { log, lines } = record();
    log.info(
      { note: 'got tgk_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZab0yIm7m instead', at: '/mcp/tgk_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZab' },
      'x',
    );
    expect(lines.join('')).not.toContain('0123456789');
    expect(lines.join('')).toContain('got [redacted] instead');
  });

  it.each([
    ['header', { headers: { authorization: `Bearer ${canary}`, cookie: `session=${canary}`, 'Set-Cookie': [canary] } }],
    [
      'form',
      {
        body: { password: canary, new_password: canary, code: canary, code_verifier: canary, refresh_token: canary, client_secret: canary },
      },
    ],
    [
      'camel case',
      { user: { currentPassword: canary, passwordHash: canary, sealedPrivateJwk: canary, serverCredential: canary, apiKeys: [canary] } },
    ],
    ['key', { jwk: { kty: 'EC', x: 'public', d: canary, k: canary } }],
    ['link', { link: `https://issuer.example/invitation/${canary}` }],
    ['deep', { a: { b: { c: { d2: { e: { f: { token: canary } } } } } } }],
    ['too deep', { a: { b: { c: { d2: { e: { f: { g: { h: { i: { plain: canary } } } } } } } } } }],
    ['url', { url: `/token?code=${canary}&state=${canary}&client_id=cli_1#access_token=${canary}` }],
    ['text', { note: `Authorization: Bearer ${canary}` }],
    ['token in a text', { note: `got ${jwt} instead` }],
    ['database', { settings: `postgresql://owner:${canary}@db.example/toolgrant` }],
    ['bytes', { raw: Buffer.from(canary), other: new TextEncoder().encode(canary) }],
    ['url object', { target: new URL(`https://user:${canary}@example.com/?token=${canary}`) }],
  ])('ABUSE-74: takes secrets out: %s', (_what, members) => {
    const { log, lines } = record();
    log.info(members, 'event');
    log.child(members).info('event');
    expect(lines.join('')).not.toContain(canary);
    expect(lines.join('')).not.toContain(Buffer.from(canary).toString('base64'));
  });

  it('ABUSE-74: takes secrets out of messages, of what is formatted into them, and of one-time links in paths', () => {
    const { log, lines } = record();
    log.info(`POST /token?code=${canary}`);
    log.info('tried %s and %o', `Basic ${canary}`, { password: canary });
    log.info({ path: `/reset/${linkToken}`, other: `see https://issuer.example/invite/${linkToken}?x=1` }, 'link');
    expect(lines.join('')).not.toContain(canary);
    expect(lines.join('')).not.toContain(linkToken);
    expect(lines).toHaveLength(3);
  });

  it('keeps what is no secret', () => {
    const { log, entries } = record();
    const members = {
      status: 400,
      clientId: 'cli_abcdefghijklmnopqrst',
      path: '/authorize?client_id=cli_1',
      hasPassword: true,
      count: 3,
      at: null,
    };
    log.info(members, 'event');
    expect(entries()[0]).toMatchObject(members);
  });

  it('shows a fault with its causes, codes and request id, and no secrets', () => {
    const { log, lines, entries } = record();
    const root = Object.assign(new Error(`connect to postgresql://me:${canary}@host failed`), { code: 'ECONNREFUSED' });
    logFault(log, new Error('the store does not answer', { cause: root }), { message: 'sign-in failed', requestId: 'req_7' });
    logFault(log, `thrown text with token=${canary}`, { message: 'odd' });
    expect(entries()[0]).toMatchObject({
      level: 'error',
      message: 'sign-in failed',
      requestId: 'req_7',
      error: {
        type: 'Error',
        message: 'the store does not answer',
        stack: expect.stringContaining('logger.test'),
        cause: { code: 'ECONNREFUSED' },
      },
    });
    expect(entries()[1]).toMatchObject({ error: { message: 'thrown text with token=[redacted]' } });
    expect(lines.join('')).not.toContain(canary);
  });

  it('takes an error in place of members', () => {
    const { log, entries } = record();
    log.error(new Error(`password=${canary}`));
    log.error({ error: new Error(`password=${canary}`) });
    for (const entry of entries())
      expect(entry).toMatchObject({ error: { type: 'Error', message: 'password=[redacted]' }, message: 'password=[redacted]' });
    expect(JSON.stringify(entries())).not.toContain(canary);
  });

  it('ABUSE-73: what steers terminals and viewers arrives as escaped text in one line', () => {
    const { log, lines, entries } = record();
    const hostile = 'a\r\n{"level":"fatal"}\u001b[2J\u009b31m\u007f\u202egnp\u2066\u2028\u200b\ufeff<script>';
    log.warn({ name: hostile, [hostile]: 1 }, hostile);
    expect(lines).toHaveLength(1);
    expect(lines[0]?.trimEnd()).not.toMatch(/[^\x20-\x7e]/);
    expect(entries()[0]).toMatchObject({ name: hostile, message: hostile, level: 'warn' });
  });

  it('survives what cannot be written as JSON, and bounds what is too much', () => {
    const { log, lines } = record();
    const circle: Record<string, unknown> = { count: 10n };
    circle['self'] = circle;
    log.info({ circle, long: 'x'.repeat(1_000_000), many: Array(10_000).fill('y'), nothing: undefined }, 'event');
    expect(lines).toHaveLength(1);
    expect(lines[0]?.length).toBeLessThan(20_000);
  });
});
