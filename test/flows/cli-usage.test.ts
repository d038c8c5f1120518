import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Command } from 'commander';
import { createProgram } from '../../src/cli/program.ts';
import { problemOf, runCommand, type Settings, settingsFor, testSecret } from '../support/command.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let env: Settings;

beforeAll(async () => {
  database = await createTestDatabase();
  env = settingsFor(database);
});

afterAll(async () => {
  await database?.drop();
});

/** All commands that do something, as they are typed. */
function leavesOf(command: Command, path: readonly string[] = []): { path: readonly string[]; command: Command }[] {
  if (command.commands.length === 0) return [{ path, command }];
  return command.commands.flatMap((child) => leavesOf(child, [...path, child.name()]));
}

const silent = { out: () => undefined, err: () => undefined, stdin: process.stdin, isTerminal: false, isErrTerminal: false };
const leaves = leavesOf(createProgram(silent, { json: false }));
const names = leaves.map(({ path }) => path.join(' '));
/** A call with everything that the command insists on. */
function completeCall(name: string): string[] {
  const command = leaves.find(({ path }) => path.join(' ') === name)?.command;
  const args = command?.registeredArguments.filter(({ required }) => required) ?? [];
  const options = command?.options.filter(({ mandatory }) => mandatory) ?? [];
  return [...name.split(' '), ...args.map(() => 'x'), ...options.flatMap(({ long }) => [String(long), 'x'])];
}

/** Commands that are about the installation as a whole. */
const ofInstallation = ['serve', 'migrate', 'config check', 'tenant create', 'tenant list', 'tenant show', 'tenant set'];
const ofTenant = leaves.filter(({ command }) => command.options.some(({ long }) => long === '--tenant')).map(({ path }) => path.join(' '));

describe('the commands', () => {
  it('are those of the contract', () => {
    expect(names).toEqual([
      'serve',
      'migrate',
      'config check',
      'user create',
      'user invite',
      'user reset-password',
      'user disable',
      'user enable',
      'user list',
      'group create',
      'group add',
      'group remove',
      'group list',
      'server add',
      'server list',
      'server sync',
      'server tool',
      'server credential',
      'server remove',
      'client create',
      'client list',
      'client show',
      'client verify',
      'client unverify',
      'client quarantine',
      'client block',
      'client unblock',
      'client tool',
      'client secret',
      'client remove',
      'registration-token create',
      'registration-token list',
      'registration-token revoke',
      'service-account create',
      'service-account list',
      'service-account tool',
      'service-account disable',
      'service-account enable',
      'service-account remove',
      'apikey create',
      'apikey list',
      'apikey rotate',
      'apikey revoke',
      'consent list',
      'consent end',
      'consent end-all',
      'keys list',
      'keys rotate',
      'keys reseal',
      'audit tail',
      'audit search',
      'audit export',
      'audit verify',
      'tenant create',
      'tenant list',
      'tenant show',
      'tenant set',
      'apply',
      'export',
      'explain',
    ]);
  });

  it.each(names)('%s: --help says what it does, and reads no settings', async (name) => {
    const { code, out, err } = await runCommand([...name.split(' '), '--help'], { env: { TOOLGRANT_PORT: 'none' } });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(`Usage: toolgrant ${name}`);
    expect(out).toContain('--json');
  });

  it.each(names)('%s: an option it does not know is bad usage, in both forms', async (name) => {
    const text = await runCommand([...completeCall(name), '--what'], { env });
    expect({ code: text.code, out: text.out }).toEqual({ code: 2, out: '' });
    expect(text.err).toContain("Unknown option '--what'");
    expect(text.err).toContain('--help');
    const json = await runCommand([...completeCall(name), '--what', '--json'], { env });
    expect(json.code).toBe(2);
    expect(problemOf(json)).toEqual({ code: 'usage', message: "unknown option '--what'" });
  });

  it('all take --tenant, but those that are about the whole installation', () => {
    expect(names.filter((name) => !ofTenant.includes(name))).toEqual(ofInstallation);
  });

  it.each(ofTenant)('%s: while only the root tenant exists, another is told so', async (name) => {
    const { code, out, err } = await runCommand([...completeCall(name), '--tenant', 'acme'], { env });
    expect({ code, out, err }).toEqual({
      code: 1,
      out: '',
      err: 'There is no tenant "acme". The only one is "root"; leave --tenant out, or make it: toolgrant tenant create <slug> --name <name>\n',
    });
  });
});

describe('bad usage', () => {
  it.each([
    [[]],
    [['user']],
    [['blah']],
    [['user', 'blah']],
    [['user', 'create']],
    [['server', 'add', 'http://localhost/mcp']],
    [['client', 'show']],
  ])('%j exits with 2 and prints no result', async (args) => {
    const { code, out, err } = await runCommand(args, { env });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/help/);
  });

  it.each([
    ['user', 'list', 'one-too-many'],
    ['user', 'invite'],
    ['user', 'invite', 'a@example.com', '--email', 'b@example.com'],
    ['server', 'add', 'http://localhost/mcp', '--name', 'A', '--header', 'no colon'],
    ['server', 'tool', 'x', '--risk', 'none'],
    ['server', 'tool', 'x', 'y', '--open-world', '--closed-world'],
  ])('%s %s %s … is told what is wrong with it', async (...args) => {
    const { code, out, err } = await runCommand(args, { env });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err.length).toBeGreaterThan(10);
  });

  it('does not repeat a header, which holds a secret', async () => {
    const { err } = await runCommand(['server', 'add', 'http://localhost/mcp', '--name', 'A', '--header', 'geheim'], { env });
    expect(err).not.toContain('geheim');
  });
});

describe('settings that cannot be used', () => {
  const broken = { TOOLGRANT_PORT: 'none', TOOLGRANT_ISSUER: 'http://auth.example.com', TOOLGRANT_POTR: '1' };

  it.each(names)('%s: exit 1, all problems at once', async (name) => {
    const { code, out, err } = await runCommand(completeCall(name), { env: broken });
    expect({ code, out }).toEqual({ code: 1, out: '' });
    for (const setting of Object.keys(broken)) expect(err).toContain(setting);
  });

  it('config check says what they come to, and no secret', async () => {
    const text = await runCommand(['config', 'check'], { env });
    expect(text).toMatchObject({ code: 0, err: '' });
    expect(text.out).toContain('The settings can be used.');
    expect(text.out).toMatch(new RegExp(`^TOOLGRANT_ISSUER +${env['TOOLGRANT_ISSUER']} *$`, 'm'));
    expect(text.out).toMatch(/^TOOLGRANT_SECRET +set *$/m);
    expect(text.out).toMatch(/^TOOLGRANT_ACCESS_TOKEN_LIFETIME +15m +default *$/m);
    const json = await runCommand(['config', 'check', '--json'], { env });
    expect(JSON.parse(json.out)).toMatchObject({
      ok: true,
      config: { issuer: env['TOOLGRANT_ISSUER'] },
      secrets: { keyEncryptionKey: 'set' },
    });
    const password = new URL(database.runtimeUrl).password;
    for (const secret of [testSecret, password]) expect(text.out + json.out).not.toContain(secret);
  });

  it('config check --demo refuses what the demo refuses', async () => {
    const { code, err } = await runCommand(['config', 'check', '--demo', '--json'], { env });
    expect(code).toBe(1);
    expect(JSON.parse(err)).toMatchObject({ error: { code: 'settings', message: expect.stringContaining('DATABASE_URL') } });
  });
});
