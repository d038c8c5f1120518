import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Io } from '../../src/cli/io.ts';
import { type CommandResult, jsonOf, problemOf, runCommand, type Settings, settingsFor } from '../support/command.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { query } from '../support/database-holder.ts';

let database: TestDatabase;
let env: Settings;

beforeAll(async () => {
  database = await createTestDatabase();
  env = settingsFor(database);
});

afterAll(async () => {
  await database?.drop();
});

const passPhrase = 'violet kettle seldom orbit';
const run = (args: readonly string[], typed?: string): Promise<CommandResult> =>
  runCommand(args, { env, ...(typed !== undefined && { typed }) });
const audit = (type: string) => query(database.ownerUrl, `SELECT * FROM audit_events WHERE type = '${type}' ORDER BY at`);

interface User {
  id: string;
  email: string;
  admin: boolean;
  hasPassword: boolean;
  disabled: boolean;
}

describe('user create', () => {
  it('takes a password from a pipe and shows it nowhere', async () => {
    const result = await run(['user', 'create', '--email', 'Ann@Example.com', '--admin', '--password-stdin'], `${passPhrase}\n`);
    expect(result).toMatchObject({ code: 0, err: '' });
    expect(result.out).toMatch(
      /^The administrator ann@example\.com is made \(usr_[\w-]{20}\)\.\nIt can sign in at http:\/\/localhost:4000\/account\n$/,
    );
    expect(result.out).not.toContain(passPhrase);
    const [row] = await query(database.ownerUrl, `SELECT * FROM users WHERE email = 'ann@example.com'`);
    expect(row).toMatchObject({ is_admin: true, password_hash: expect.stringMatching(/^\$argon2id\$v=19\$m=7168,/) });
    const events = await audit('user.created');
    expect(events).toMatchObject([{ actor_type: 'operator', user_id: row?.['id'], outcome: 'success' }]);
    expect(JSON.stringify(events)).not.toContain(passPhrase);
  });

  it('has no option that takes a password', async () => {
    const { code, err } = await run(['user', 'create', '--email', 'b@example.com', '--password', passPhrase]);
    expect(code).toBe(2);
    expect(err).toContain("Unknown option '--password'");
  });

  it('without a password and without a terminal makes an account that waits for its invitation', async () => {
    const result = await run(['user', 'create', '--email', 'bob@example.com', '--name', 'Bob']);
    expect(result.code).toBe(0);
    expect(result.out).toContain('toolgrant user invite bob@example.com');
    const again = await run(['user', 'create', '--email', 'BOB@example.com', '--json']);
    expect(again.code).toBe(1);
    expect(problemOf(again)).toMatchObject({ code: 'email-taken', message: expect.stringContaining('user list') });
  });

  it.each([
    ['too-short', 'short'],
    ['too-long', 'x'.repeat(1_025)],
    ['common', 'passwordpassword'],
    ['about-the-account', 'carol@example.com'],
    ['password-empty', ''],
    ['password-too-long', 'x'.repeat(70_000)],
  ])('refuses a password that is %s, with what to do', async (code, password) => {
    const result = await run(['user', 'create', '--email', 'carol@example.com', '--password-stdin', '--json'], password);
    expect(result).toMatchObject({ code: 1, out: '' });
    expect(problemOf(result).code).toBe(code);
    expect(await query(database.ownerUrl, `SELECT 1 FROM users WHERE email = 'carol@example.com'`)).toEqual([]);
  });

  it('refuses what is no address', async () => {
    const result = await run(['user', 'create', '--email', 'no address', '--json']);
    expect({ code: result.code, problem: problemOf(result).code }).toEqual({ code: 1, problem: 'bad-email' });
  });
});

describe('a person at a terminal', () => {
  /** Keys that are pressed at a terminal without echo. */
  function terminal(keys: readonly string[]): { io: Partial<Io>; rawModes: boolean[] } {
    const rawModes: boolean[] = [];
    const waiting = [...keys];
    const stdin = Object.assign(
      new Readable({
        read() {
          const next = waiting.shift();
          if (next !== undefined) setImmediate(() => this.push(next));
        },
      }),
      { isTTY: true as const, setRawMode: (mode: boolean) => void rawModes.push(mode) },
    );
    return { io: { stdin: stdin as unknown as Io['stdin'], isErrTerminal: true }, rawModes };
  }

  it('is asked twice, and what she types is not shown', async () => {
    const { io, rawModes } = terminal(['violet kettle', ' seldomm', '\u007f', ' orbit\r', '\u001b[A', passPhrase, '\r']);
    const { code, out, err } = await runCommand(['user', 'create', '--email', 'dora@example.com'], { env, io });
    expect({ code, err }).toEqual({ code: 0, err: 'Password (empty: send an invitation instead): \nThe same again: \n' });
    expect(out).toContain('It can sign in');
    expect(rawModes).toEqual([true, false, true, false]);
  });

  it.each([
    ['password-mismatch', [`${passPhrase}\r`, 'violet kettle seldom\r']],
    ['given-up', ['violet', '\u0003']],
  ])('%s: nothing is made', async (_, keys) => {
    const { code, out, err } = await runCommand(['user', 'create', '--email', 'erin@example.com'], { env, io: terminal(keys).io });
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain('Nothing was done.');
    expect(err).not.toContain('violet');
    expect(await query(database.ownerUrl, `SELECT 1 FROM users WHERE email = 'erin@example.com'`)).toEqual([]);
  });

  it('may leave it empty', async () => {
    const { code, out } = await runCommand(['user', 'create', '--email', 'finn@example.com'], { env, io: terminal(['\r']).io });
    expect(code).toBe(0);
    expect(out).toContain('toolgrant user invite finn@example.com');
  });

  it('is told that --password-stdin wants a pipe', async () => {
    const call = ['user', 'create', '--email', 'gus@example.com', '--password-stdin'];
    expect(await runCommand(call, { env, io: terminal([]).io })).toMatchObject({ code: 2, err: expect.stringContaining('pipe') });
  });
});

describe('links', () => {
  it('user invite makes the account if there is none, and prints a link once', async () => {
    const first = jsonOf<{ email: string; url: string; expiresAt: string }>(await run(['user', 'invite', 'hal@example.com', '--json']));
    expect(first.email).toBe('hal@example.com');
    expect(first.url).toMatch(/^http:\/\/localhost:4000\/link\/[\w-]{43}$/);
    const second = await run(['user', 'invite', '--email', 'hal@example.com']);
    expect(second.out).toContain('It works once, until ');
    const rows = await query(database.ownerUrl, `SELECT * FROM one_time_links`);
    expect(rows).toHaveLength(1); // the newer one alone
    expect(JSON.stringify(rows)).not.toContain(first.url.slice(-43));
    expect(JSON.stringify(await audit('link.issued'))).not.toContain(first.url.slice(-43));
  });

  it('say which of the two is right', async () => {
    const invited = await run(['user', 'invite', 'ann@example.com', '--json']);
    expect(problemOf(invited)).toMatchObject({ code: 'has-password', message: expect.stringContaining('user reset-password') });
    const reset = await run(['user', 'reset-password', 'bob@example.com', '--json']);
    expect(problemOf(reset)).toMatchObject({ code: 'no-password', message: expect.stringContaining('user invite') });
    expect((await run(['user', 'reset-password', 'ann@example.com'])).out).toContain('http://localhost:4000/link/');
    expect(problemOf(await run(['user', 'reset-password', 'nobody@example.com', '--json'])).code).toBe('unknown-user');
  });
});

describe('user disable', () => {
  it('ABUSE-66: refuses to disable the last administrator, and says the next step', async () => {
    const result = await run(['user', 'disable', 'ann@example.com', '--json']);
    expect(result.code).toBe(1);
    expect(problemOf(result)).toMatchObject({ code: 'last-admin', message: expect.stringContaining('user create --admin') });
    await run(['user', 'create', '--email', 'second@example.com', '--admin']);
    expect(await run(['user', 'disable', '--email', 'ann@example.com'])).toMatchObject({ code: 0 });
    expect(problemOf(await run(['user', 'disable', 'second@example.com', '--json'])).code).toBe('last-admin');
    expect(await run(['user', 'enable', 'ann@example.com'])).toMatchObject({ code: 0, out: 'ann@example.com can sign in again.\n' });
  });

  it('user list shows who is who', async () => {
    await run(['user', 'disable', 'bob@example.com']);
    const text = await run(['user', 'list']);
    expect(text.out).toMatch(/^EMAIL +ID +STANDING +MADE\n/);
    expect(text.out).toMatch(/^ann@example\.com +usr_\S+ +active, administrator +\d{4}-/m);
    expect(text.out).toMatch(/^bob@example\.com +usr_\S+ +disabled /m);
    expect(text.out).toMatch(/^hal@example\.com +usr_\S+ +without password /m);
    const users = jsonOf<User[]>(await run(['user', 'list', '--json']));
    expect(users.find(({ email }) => email === 'ann@example.com')).toMatchObject({ admin: true, hasPassword: true, disabled: false });
    expect(JSON.stringify(users)).not.toContain('argon2');
  });

  it('unknown accounts are named as such', async () => {
    for (const name of ['disable', 'enable']) {
      expect(problemOf(await run(['user', name, 'nobody@example.com', '--json'])).code).toBe('unknown-user');
    }
  });
});
