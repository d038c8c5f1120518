import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jsonOf, problemOf, runCommand, type Settings, settingsFor } from '../support/command.ts';
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

const run = (...args: string[]) => runCommand(args, { env });

describe('tenant create', () => {
  it('makes a tenant below the base, with the key that it signs with, and says how it gets its first administrator', async () => {
    const { code, out, err } = await run('tenant', 'create', 'acme', '--name', 'Acme Ltd');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('Issuer:  http://localhost:4000/t/acme\n');
    expect(out).toContain('toolgrant user create --admin --email <email> --tenant acme');
    const [tenant] = await query(database.ownerUrl, `SELECT * FROM tenants WHERE slug = 'acme'`);
    expect(tenant).toMatchObject({ issuer: 'http://localhost:4000/t/acme', name: 'Acme Ltd', id: expect.stringMatching(/^tnt_/) });
    expect(await query(database.ownerUrl, `SELECT state FROM signing_keys WHERE tenant_id = '${tenant?.['id']}' ORDER BY state`)).toEqual([
      { state: 'current' },
      { state: 'next' },
    ]);
    const events = await query(database.ownerUrl, `SELECT * FROM audit_events WHERE type = 'tenant.created'`);
    expect(events).toMatchObject([{ tenant_id: tenant?.['id'], actor_type: 'operator', detail: { slug: 'acme', name: 'Acme Ltd' } }]);
  });

  it('makes one with an issuer URL of its own, and lists all of them', async () => {
    const made = jsonOf<{ issuer: string }>(
      await run('tenant', 'create', 'beta', '--name', 'Beta', '--issuer', 'https://auth.beta.example/login', '--json'),
    );
    expect(made).toMatchObject({ slug: 'beta', name: 'Beta', issuer: 'https://auth.beta.example/login' });
    const all = jsonOf<{ slug: string }[]>(await run('tenant', 'list', '--json'));
    expect(all.map(({ slug }) => slug)).toEqual(['acme', 'beta', 'root']);
    expect((await run('tenant', 'list')).out).toMatch(/^TENANT +ISSUER +NAME +MADE\nacme +http:\/\/localhost:4000\/t\/acme +Acme Ltd/);
  });

  it.each([
    ['slug-malformed', ['Acme']],
    ['slug-malformed', ['a--b']],
    ['slug-malformed', ['a-']],
    ['slug-malformed', ['a/b']],
    ['slug-malformed', ['..']],
    ['slug-malformed', ['bücher']],
    ['slug-malformed', ['a'.repeat(33)]],
    ['slug-reserved', ['root']],
    ['slug-taken', ['acme']],
    ['issuer-plain-http', ['c', '--issuer', 'http://auth.example']],
    ['issuer-not-http', ['c', '--issuer', 'auth.example']],
    ['issuer-has-query', ['c', '--issuer', 'https://auth.example?x']],
    ['issuer-has-userinfo', ['c', '--issuer', 'https://a:b@auth.example']],
    ['issuer-not-canonical', ['c', '--issuer', 'https://bücher.example']],
    ['issuer-not-canonical', ['c', '--issuer', 'https://auth.example/']],
    ['issuer-not-canonical', ['c', '--issuer', 'https://auth.example:443']],
    ['issuer-bad-host', ['c', '--issuer', 'https://auth.example.']],
    ['issuer-bad-path', ['c', '--issuer', 'https://auth.example/a%20b']],
    ['issuer-bad-path', ['c', '--issuer', 'https://auth.example/a//b']],
    ['issuer-bad-path', ['c', '--issuer', 'https://auth.example/.well-known/x']],
    ['issuer-bad-path', ['c', '--issuer', 'https://auth.example/metrics']],
    ['issuer-nested', ['c', '--issuer', 'http://localhost:4000']],
    ['issuer-nested', ['c', '--issuer', 'http://localhost:4000/other']],
    ['issuer-nested', ['c', '--issuer', 'http://localhost:4000/t/d']],
    ['issuer-nested', ['c', '--issuer', 'https://auth.beta.example']],
    ['issuer-nested', ['c', '--issuer', 'https://auth.beta.example/login']],
    ['issuer-nested', ['c', '--issuer', 'https://auth.beta.example/login/more']],
  ])('refuses: %s, for %j', async (code, args) => {
    const result = await run('tenant', 'create', ...args, '--name', 'X', '--json');
    expect({ code: result.code, problem: problemOf(result).code }).toEqual({ code: 1, problem: code });
    expect(await query(database.ownerUrl, `SELECT 1 FROM tenants WHERE name = 'X'`)).toEqual([]);
  });

  it('takes a path beside another’s on the same host, and one of several that come at once', async () => {
    expect((await run('tenant', 'create', 'gamma', '--name', 'G', '--issuer', 'https://auth.beta.example/login2')).code).toBe(0);
    const racing = await Promise.all(
      ['https://race.example', 'https://race.example/a', 'https://race.example/a/b'].map((issuer, index) =>
        run('tenant', 'create', `race-${index}`, '--name', 'R', '--issuer', issuer, '--json'),
      ),
    );
    expect(racing.map(({ code }) => code).toSorted()).toEqual([0, 1, 1]);
  });
});

describe('tenant set and tenant show', () => {
  const settingsOf = async (...args: string[]) =>
    jsonOf<{ settings: Record<string, string> }>(await run('tenant', 'show', ...args, '--json')).settings;

  it('sets one tenant, the one at the base when none is named, and says what changed', async () => {
    const { code, out, err } = await run('tenant', 'set', 'acme', 'registration=off');
    expect({ code, out, err }).toEqual({ code: 0, out: 'registration: off (was open)\n', err: '' });
    expect([await settingsOf('acme'), await settingsOf(), await settingsOf('root')]).toMatchObject([
      { registration: 'off' },
      { registration: 'open' },
      { registration: 'open' },
    ]);
    expect((await run('tenant', 'show', 'acme')).out).toMatch(
      /^Acme Ltd \(acme, tnt_.*\)\nIssuer: .*\n\nSETTING +VALUE\nregistration +off +\(default: open\)/,
    );
    expect((await run('tenant', 'set', 'acme', 'registration=off')).out).toContain('Nothing changed');
    expect(jsonOf(await run('tenant', 'set', 'registration=off', '--json'))).toMatchObject({
      slug: 'root',
      settings: { registration: 'off' },
      changed: { registration: { before: 'open', now: 'off' } },
    });
    expect((await run('tenant', 'set', 'registration=')).code).toBe(0);
    expect(await settingsOf()).toMatchObject({ registration: 'open' });
  });

  it('names everything that is wrong at once, and changes nothing', async () => {
    const wrong = problemOf(await run('tenant', 'set', 'acme', 'registration=closed', 'colour=red', '--json'));
    expect(wrong.code).toBe('tenant-settings');
    expect(wrong.message).toMatch(
      /^registration is "closed".*Set it to open.*\ncolour is no setting of a tenant\. There are: registration/,
    );
    expect(await settingsOf('acme')).toMatchObject({ registration: 'off' });
  });

  it.each([[['acme']], [['acme', 'registration']], [['registration=off', 'acme']], [['registration=off', 'registration=open']], [[]]])(
    'takes %j for bad usage',
    async (args) => {
      expect((await run('tenant', 'set', ...args)).code).toBe(2);
    },
  );

  it('shows what is stored and cannot be read, and sets beside it', async () => {
    await query(database.ownerUrl, `UPDATE tenants SET settings = '{"registration": "by-post", "later": "x"}' WHERE slug = 'beta'`);
    const shown = await run('tenant', 'show', 'beta');
    expect(shown.out).toContain('The stored setting registration is "by-post"');
    expect(shown.out).toContain('The stored setting later is unknown');
    expect(await settingsOf('beta')).toMatchObject({ registration: 'off' });
    expect((await run('tenant', 'set', 'beta', 'registration=open')).code).toBe(0);
    expect(await query(database.ownerUrl, `SELECT settings FROM tenants WHERE slug = 'beta'`)).toEqual([
      { settings: { registration: 'open', later: 'x' } },
    ]);
  });
});

describe('--tenant', () => {
  it('leads every command to what is the tenant’s, and to nothing else', async () => {
    expect((await run('user', 'create', '--email', 'ann@example.com', '--admin', '--tenant', 'acme')).code).toBe(0);
    const listed = async (...args: string[]) => jsonOf<{ email: string }[]>(await run('user', 'list', '--json', ...args)).length;
    expect([await listed(), await listed('--tenant', 'acme'), await listed('--tenant', 'beta')]).toEqual([0, 1, 0]);
    const invited = jsonOf<{ url: string }>(await run('user', 'invite', 'ann@example.com', '--json', '--tenant', 'acme'));
    expect(invited.url).toMatch(/^http:\/\/localhost:4000\/t\/acme\/link\//);
    expect(problemOf(await run('user', 'invite', 'ann@example.com', '--json', '--tenant', 'nobody'))).toMatchObject({
      code: 'unknown-tenant',
      message: expect.stringContaining('"acme", "beta", "gamma"'),
    });
    expect((await run('user', 'disable', 'ann@example.com')).code).toBe(1);
  });

  it('follows a base that moves; one that would lie within a tenant’s own URL is refused', async () => {
    const { ensureRootTenant } = await import('../../src/services/ensure-root-tenant.ts');
    const { openRuntime } = await import('../../src/compose/open-runtime.ts');
    const { loadConfig } = await import('../../src/config/load-config.ts');
    const { createLogger } = await import('../../src/platform/logger.ts');
    const { config, secrets } = loadConfig(env);
    if (!secrets.keyEncryptionKey) throw new Error('no secret');
    const office = await openRuntime(
      {
        config,
        secrets: { keyEncryptionKey: secrets.keyEncryptionKey },
        databaseUrl: database.runtimeUrl,
        log: createLogger({ level: 'silent' }),
      },
      'stored',
    );
    try {
      await expect(ensureRootTenant(office.runtime, 'https://auth.beta.example')).rejects.toMatchObject({ name: 'IssuerTaken' });
      await ensureRootTenant(office.runtime, 'https://new.example/auth');
      const issuers = await query(
        database.ownerUrl,
        `SELECT slug, issuer FROM tenants WHERE slug IN ('root', 'acme', 'beta') ORDER BY slug`,
      );
      expect(issuers).toEqual([
        { slug: 'acme', issuer: 'https://new.example/auth/t/acme' },
        { slug: 'beta', issuer: 'https://auth.beta.example/login' },
        { slug: 'root', issuer: 'https://new.example/auth' },
      ]);
    } finally {
      await office.close();
    }
  });
});
