/** What `serve` says to whoever sits there. It runs in this process; signals are events of it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Io } from '../../src/cli/io.ts';
import { runCommand, type Settings, settingsFor } from '../support/command.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { query } from '../support/database-holder.ts';
import { findFreePort } from '../support/free-port.ts';

let database: TestDatabase;
let env: Settings;
let issuer: string;

beforeAll(async () => {
  database = await createTestDatabase();
  issuer = `http://localhost:${await findFreePort()}`;
  env = { ...settingsFor(database), TOOLGRANT_ISSUER: issuer };
});

afterAll(async () => {
  await database?.drop();
});

/** Serves until it has welcomed somebody, and `meanwhile` is done. */
async function serve(args: readonly string[], terminal: Partial<Io>, meanwhile: () => Promise<void> = async () => undefined) {
  const said: { out: string; err: string } = { out: '', err: '' };
  const welcomed = Promise.withResolvers<void>();
  const hear = (stream: 'out' | 'err') => (text: string) => {
    said[stream] += text;
    if (/Ctrl-C|"ready"/.test(text)) welcomed.resolve();
  };
  const io = { out: hear('out'), err: hear('err'), ...terminal };
  const serving = runCommand(['serve', ...args], { env, io });
  await Promise.race([welcomed.promise, serving]);
  try {
    await meanwhile();
  } finally {
    process.emit('SIGTERM');
  }
  return { code: (await serving).code, ...said };
}

const terminal = { isTerminal: true, isErrTerminal: true };
const linkIn = (text: string) => /http:\/\/localhost:\d+\/link\/([\w-]{43})/.exec(text);

describe('at a terminal', () => {
  it('says where it runs and how the first administrator comes in, and logs nothing', async () => {
    let answered: unknown;
    const { code, out, err } = await serve([], terminal, async () => {
      answered = await (await fetch(`${issuer}/readyz`)).json();
    });
    expect({ code, answered }).toEqual({ code: 0, answered: { status: 'ok' } });
    expect(out).toContain(`Toolgrant is running at ${issuer}\n`);
    expect(out).toContain('First admin       http');
    expect(out).toContain('Ctrl-C stops everything.');
    expect(out).not.toContain('Demo');
    expect(err).toBe('Starting …\nStopping …\n');
    const [link] = await query(
      database.ownerUrl,
      `SELECT *, expires_at - created_at AS life FROM one_time_links WHERE purpose = 'first-admin'`,
    );
    expect(link).toMatchObject({ life: { minutes: 15 } });
    expect(JSON.stringify(link)).not.toContain(linkIn(out)?.[1]);
  });

  it('gives another link at the next start, in JSON where that is asked for; the one before is of no use', async () => {
    const first = linkIn((await serve([], terminal)).out)?.[0] ?? '';
    let status: number[] = [];
    const { out, err } = await serve(['--json'], terminal, async () => {
      status = [(await fetch(first)).status];
    });
    const ready = JSON.parse(out) as { event: string; issuer: string; firstAdminLink: { url: string } };
    expect(ready).toMatchObject({ event: 'ready', issuer, firstAdminLink: { url: expect.stringMatching(/\/link\/[\w-]{43}$/) } });
    expect(err).toBe('');
    expect(status).toEqual([404]);
    expect(ready.firstAdminLink.url).not.toBe(first);
  });

  it('gives no link any more once there is an administrator', async () => {
    const made = await runCommand(['user', 'create', '--email', 'ann@example.com', '--admin'], { env });
    expect(made.code).toBe(0);
    const { code, out } = await serve([], terminal);
    expect({ code, link: linkIn(out) }).toEqual({ code: 0, link: null });
    expect(out).not.toContain('administrator');
    expect(await query(database.ownerUrl, `SELECT 1 FROM one_time_links WHERE purpose = 'first-admin'`)).toEqual([]);
  });

  it('a command beside it with another issuer URL goes by the one that is served, and says so', async () => {
    const { code, out, err } = await runCommand(['user', 'invite', 'ann@example.com'], {
      env: { ...env, TOOLGRANT_ISSUER: 'http://localhost:4999' },
    });
    expect(code).toBe(0);
    expect(out).toContain(`${issuer}/link/`);
    expect(err).toMatch(/^Warning: TOOLGRANT_ISSUER is http:\/\/localhost:4999 here, but /);
  });
});
