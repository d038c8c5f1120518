import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { LoadOptions } from '../../../src/config/config.ts';
import { ConfigError, type ConfigProblem } from '../../../src/config/config-error.ts';
import type { Environment } from '../../../src/config/environment.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { settings } from '../../../src/config/settings.ts';
import { makeSelfSigned } from '../../support/self-signed.ts';

const secret = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7)).toString('base64url');
const otherSecret = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 5)).toString('base64url');
const lockedKey = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'locked' },
}).privateKey;
const databaseUrl = 'postgres://runtime:canary@db.example.com/toolgrant';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'config-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

function problemsOf(env: Environment, options: LoadOptions = {}): readonly ConfigProblem[] {
  try {
    loadConfig(env, { directory, ...options });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

const namesOf = (env: Environment, options: LoadOptions = {}) => problemsOf(env, options).map(({ setting }) => setting);

describe('without any setting', () => {
  it('everything has its default', () => {
    const { config, secrets } = loadConfig({}, { directory });
    expect(config).toEqual({
      issuer: 'http://localhost:4000',
      listen: { hosts: ['127.0.0.1', '::1'], port: 4000, shutdownDelayMs: 0 },
      workers: 1,
      trustedProxies: [],
      database: { kind: 'embedded', maxConnections: 10, statementTimeoutMs: 10_000, waitMs: 20_000 },
      dataDir: join(directory, '.toolgrant'),
      audit: 'immutable',
      auditRetentionSeconds: 2_557 * 86_400,
      auditStream: {},
      lifetimes: {
        accessTokenSeconds: 900,
        refreshTokenSeconds: 365 * 86_400,
        refreshTokenIdleSeconds: 30 * 86_400,
        refreshGraceSeconds: 30,
        sessionSeconds: 14 * 86_400,
        sessionIdleSeconds: 12 * 3_600,
        keyRotationSeconds: 90 * 86_400,
        catalogueSeconds: 900,
      },
      passwords: { memoryKib: 47_104, passes: 2, maxConcurrent: 2 },
      rateLimits: 'on',
      maxTenantsInMemory: 500,
      logLevel: 'info',
    });
    expect(secrets).toEqual({});
  });

  it('the result is frozen to its depth', () => {
    const { config, secrets } = loadConfig({}, { directory, demo: true });
    for (const part of [config, config.listen, config.listen.hosts, config.lifetimes, config.demo, secrets])
      expect(Object.isFrozen(part)).toBe(true);
  });

  it('empty variables count as not set, as compose files make them', () => {
    expect(loadConfig({ TOOLGRANT_PORT: '', TOOLGRANT_LOG_LEVEL: ' ' }, { directory }).config.listen.port).toBe(4000);
  });
});

describe('the port and the issuer', () => {
  it.each([
    [{ TOOLGRANT_PORT: '5000' }, 'http://localhost:5000', 5000],
    [{ TOOLGRANT_ISSUER: 'http://127.0.0.1:5001' }, 'http://127.0.0.1:5001', 5001],
    [{ TOOLGRANT_ISSUER: 'http://localhost' }, 'http://localhost', 80],
    [{ TOOLGRANT_PORT: '80' }, 'http://localhost', 80],
    [{ TOOLGRANT_ISSUER: 'https://auth.example.com' }, 'https://auth.example.com', 4000],
    [{ TOOLGRANT_ISSUER: 'https://localhost' }, 'https://localhost', 4000],
    [{ TOOLGRANT_ISSUER: 'https://auth.example.com/base', TOOLGRANT_PORT: '8443' }, 'https://auth.example.com/base', 8443],
  ])('stand in for one another: %j', (env, issuer, port) => {
    const { config } = loadConfig(env, { directory });
    expect({ issuer: config.issuer, port: config.listen.port }).toEqual({ issuer, port });
  });
});

describe('all problems at once', () => {
  it('each with its setting, its problem and its fix', () => {
    const problems = problemsOf(
      {
        TOOLGRANT_ISSUER: 'http://auth.example.com',
        TOOLGRANT_PROT: '4000',
        DATABASE_URL: 'mysql://db',
        TOOLGRANT_TLS_KEY: 'missing.key',
        TOOLGRANT_ARGON2_PASSES: 'many',
      },
      { demo: true },
    );
    expect(problems.map(({ setting }) => setting)).toEqual([
      'TOOLGRANT_ISSUER',
      'DATABASE_URL',
      'TOOLGRANT_ARGON2_PASSES',
      'TOOLGRANT_PROT',
      'TOOLGRANT_SECRET',
      'TOOLGRANT_TLS_CERT',
      'TOOLGRANT_TLS_KEY',
      '--demo',
    ]);
    for (const { problem, fix } of problems) {
      expect(problem).toMatch(/^[a-z][^\n]*[^.]$/);
      expect(fix).toMatch(/^[A-Z][^\n]*[.?]$/);
    }
  });
});

describe('a database of yours', () => {
  it('needs the secret', () => {
    expect(namesOf({ DATABASE_URL: databaseUrl })).toEqual(['TOOLGRANT_SECRET']);
    const { config, secrets } = loadConfig({ DATABASE_URL: databaseUrl, TOOLGRANT_SECRET: secret }, { directory });
    expect(config.database.kind).toBe('external');
    expect(secrets.databaseUrl?.reveal()).toBe(databaseUrl);
    expect(secrets.keyEncryptionKey?.reveal()).toBe(secret);
  });

  it('is not passed over for the embedded one when only the owner is named, or when it is empty', () => {
    expect(namesOf({ TOOLGRANT_MIGRATION_DATABASE_URL: databaseUrl })).toEqual(['DATABASE_URL']);
    expect(namesOf({ DATABASE_URL: '', TOOLGRANT_SECRET: secret })).toEqual(['DATABASE_URL']);
  });

  it('is migrated by the owner alone, without the secret', () => {
    const { secrets } = loadConfig({ TOOLGRANT_MIGRATION_DATABASE_URL: databaseUrl }, { directory, command: 'migrate' });
    expect(secrets.migrationDatabaseUrl?.reveal()).toBe(databaseUrl);
    expect(namesOf({ DATABASE_URL: databaseUrl }, { command: 'migrate' })).toEqual([]);
  });

  it('has two roles', () => {
    const env = { DATABASE_URL: databaseUrl, TOOLGRANT_MIGRATION_DATABASE_URL: databaseUrl, TOOLGRANT_SECRET: secret };
    expect(namesOf(env)).toEqual(['TOOLGRANT_MIGRATION_DATABASE_URL']);
  });
});

describe('--demo', () => {
  it('adds the port of its MCP server', () => {
    expect(loadConfig({ TOOLGRANT_DEMO_PORT: '4101' }, { directory, demo: true }).config.demo).toEqual({ port: 4101 });
  });

  it.each([
    [{ DATABASE_URL: databaseUrl, TOOLGRANT_SECRET: secret }],
    [{ TOOLGRANT_ISSUER: 'https://auth.example.com' }],
    [{ TOOLGRANT_HOST: '0.0.0.0' }],
    [{ TOOLGRANT_HOST: '::' }],
    [{ TOOLGRANT_HOST: '192.168.0.5' }],
    [{ TOOLGRANT_HOST: 'auth.internal' }],
  ])('refuses %j, which is fine without it', (env) => {
    expect(namesOf(env, { demo: true })).toEqual(['--demo']);
    expect(namesOf(env)).toEqual([]);
  });

  it.each(['127.0.0.1', '::1', 'localhost', '127.0.0.2'])('accepts to listen on %s', (host) => {
    expect(namesOf({ TOOLGRANT_HOST: host }, { demo: true })).toEqual([]);
  });

  it('needs two ports', () => {
    expect(namesOf({ TOOLGRANT_PORT: '4001' }, { demo: true })).toEqual(['TOOLGRANT_DEMO_PORT']);
  });
});

describe('what settings demand of one another', () => {
  it('TLS takes a certificate and a key that can be read, and an https issuer', () => {
    const { certificate, key } = makeSelfSigned();
    writeFileSync(join(directory, 'tls.crt'), certificate);
    writeFileSync(join(directory, 'tls.key'), key);
    const tls = { TOOLGRANT_TLS_CERT: 'tls.crt', TOOLGRANT_TLS_KEY: 'tls.key' };
    expect(namesOf({ TOOLGRANT_TLS_CERT: 'tls.crt' })).toEqual(['TOOLGRANT_TLS_KEY', 'TOOLGRANT_ISSUER']);
    expect(namesOf({ TOOLGRANT_TLS_KEY: 'tls.key' })).toEqual(['TOOLGRANT_TLS_CERT']);
    expect(namesOf({ ...tls, TOOLGRANT_TLS_KEY: 'no.key', TOOLGRANT_ISSUER: 'https://auth.example.com' })).toEqual(['TOOLGRANT_TLS_KEY']);
    const { config } = loadConfig({ ...tls, TOOLGRANT_ISSUER: 'https://auth.example.com' }, { directory });
    expect(config.listen.port).toBe(443);
    expect(config.tls).toEqual({ certificatePath: join(directory, 'tls.crt'), keyPath: join(directory, 'tls.key') });
  });

  it.each([
    ['no certificate', { certificate: 'none' }, 'TOOLGRANT_TLS_CERT names a file without a certificate'],
    ['no key', { key: 'none' }, 'TOOLGRANT_TLS_KEY names a file without a private key'],
    ['a locked key', { key: lockedKey }, 'TOOLGRANT_TLS_KEY names a key that is locked with a passphrase'],
    ["another one's key", { key: makeSelfSigned().key }, 'TOOLGRANT_TLS_KEY is not the key of the first certificate in TOOLGRANT_TLS_CERT'],
  ])('TLS refuses %s', (_, other, expected) => {
    const pair = { ...makeSelfSigned(), ...other };
    writeFileSync(join(directory, 'bad.crt'), pair.certificate);
    writeFileSync(join(directory, 'bad.key'), pair.key);
    const env = { TOOLGRANT_TLS_CERT: 'bad.crt', TOOLGRANT_TLS_KEY: 'bad.key', TOOLGRANT_ISSUER: 'https://auth.example.com' };
    expect(problemsOf(env).map(({ setting, problem }) => `${setting} ${problem}`)).toEqual([expected]);
  });

  it('TLS refuses a certificate that has expired, where the time is known', () => {
    const pair = makeSelfSigned({ lastsMs: -60_000 });
    writeFileSync(join(directory, 'old.crt'), pair.certificate);
    writeFileSync(join(directory, 'old.key'), pair.key);
    const env = { TOOLGRANT_TLS_CERT: 'old.crt', TOOLGRANT_TLS_KEY: 'old.key', TOOLGRANT_ISSUER: 'https://auth.example.com' };
    expect(problemsOf(env)).toEqual([]);
    expect(problemsOf(env, { now: new Date() })).toMatchObject([
      { setting: 'TOOLGRANT_TLS_CERT', problem: expect.stringMatching(/^has expired/) },
    ]);
  });

  it('--workers goes before its variable, and is what a problem names', () => {
    expect(loadConfig({ TOOLGRANT_WORKERS: '3' }, { directory }).config.workers).toBe(3);
    expect(loadConfig({ TOOLGRANT_WORKERS: '3' }, { directory, workers: 'auto' }).config.workers).toBe('auto');
    expect(namesOf({ TOOLGRANT_WORKERS: '0' })).toEqual(['TOOLGRANT_WORKERS']);
    for (const workers of ['0', '65', '1.5', '-1', 'many']) expect(namesOf({}, { workers })).toEqual(['--workers']);
  });

  it('rate limits are off on this machine only', () => {
    expect(namesOf({ TOOLGRANT_RATE_LIMITS: 'off' })).toEqual([]);
    expect(namesOf({ TOOLGRANT_RATE_LIMITS: 'off', TOOLGRANT_ISSUER: 'https://auth.example.com' })).toEqual(['TOOLGRANT_RATE_LIMITS']);
  });

  it('an idle lifetime is not longer than the whole', () => {
    expect(namesOf({ TOOLGRANT_REFRESH_TOKEN_LIFETIME: '1d', TOOLGRANT_SESSION_LIFETIME: '1h' })).toEqual([
      'TOOLGRANT_REFRESH_TOKEN_IDLE_LIFETIME',
      'TOOLGRANT_SESSION_IDLE_TIMEOUT',
    ]);
  });

  it('the previous secret is another one', () => {
    expect(namesOf({ TOOLGRANT_SECRET_PREVIOUS: secret })).toEqual(['TOOLGRANT_SECRET_PREVIOUS']);
    const rewritten = Buffer.from(secret, 'base64url').toString('hex');
    expect(namesOf({ TOOLGRANT_SECRET: secret, TOOLGRANT_SECRET_PREVIOUS: rewritten })).toEqual(['TOOLGRANT_SECRET_PREVIOUS']);
    expect(namesOf({ TOOLGRANT_SECRET: secret, TOOLGRANT_SECRET_PREVIOUS: otherSecret })).toEqual([]);
  });

  it('no secret is copied from the documentation', () => {
    const env = {
      TOOLGRANT_SECRET: settings.secret.example,
      TOOLGRANT_SECRET_PREVIOUS: settings.previousSecret.example,
    };
    expect(namesOf(env)).toEqual(Object.keys(env));
    const webhook = {
      TOOLGRANT_AUDIT_WEBHOOK: 'https://siem.example.com/',
      TOOLGRANT_AUDIT_WEBHOOK_SECRET: settings.auditWebhookSecret.example,
    };
    expect(namesOf(webhook)).toEqual(['TOOLGRANT_AUDIT_WEBHOOK_SECRET']);
  });
});

describe('where the audit trail is delivered', () => {
  const webhookSecret = `whsec_${Buffer.from(secret, 'base64url').toString('base64')}`;
  const to = (url: string, issuer = 'https://auth.example.com') => ({
    TOOLGRANT_ISSUER: issuer,
    TOOLGRANT_AUDIT_WEBHOOK: url,
    TOOLGRANT_AUDIT_WEBHOOK_SECRET: webhookSecret,
  });

  it('a webhook has a secret, and a secret a webhook', () => {
    const { config, secrets } = loadConfig(to('https://siem.example.com/in?source=a'), { directory });
    expect(config.auditStream).toEqual({ webhookUrl: 'https://siem.example.com/in?source=a' });
    expect(secrets.auditWebhook?.reveal()).toBe(webhookSecret);
    expect(namesOf({ TOOLGRANT_AUDIT_WEBHOOK: 'https://siem.example.com/' })).toEqual(['TOOLGRANT_AUDIT_WEBHOOK_SECRET']);
    expect(namesOf({ TOOLGRANT_AUDIT_WEBHOOK_SECRET: webhookSecret })).toEqual(['TOOLGRANT_AUDIT_WEBHOOK']);
    expect(namesOf({ TOOLGRANT_AUDIT_WEBHOOK: 'siem', TOOLGRANT_AUDIT_WEBHOOK_SECRET: 'short' })).toEqual([
      'TOOLGRANT_AUDIT_WEBHOOK',
      'TOOLGRANT_AUDIT_WEBHOOK_SECRET',
    ]);
  });

  it.each([
    'https://10.0.0.7/in',
    'http://10.0.0.7/in',
    'http://172.31.0.1/',
    'http://192.168.1.1:8080/',
    'http://100.64.0.1/',
    'http://[fd00::1]/',
    'http://siem:8080/in',
    'http://vector.logging.svc.cluster.local/',
    'http://siem.internal/',
  ])('%s is taken', (url) => {
    expect(namesOf(to(url))).toEqual([]);
  });

  it.each([
    ['http://siem.example.com/in', 'is plain http'],
    ['http://203.0.113.7/', 'is plain http'],
    ['http://[2001:db8::1]/', 'is plain http'],
    ['http://internal.example.com/', 'is plain http'],
    ['https://localhost:9000/', 'names this machine'],
    ['http://127.0.0.1:9000/', 'names this machine'],
    ['http://[::1]/', 'names this machine'],
    ['http://169.254.169.254/latest', 'is never reached'],
    ['https://[fe80::1]/', 'is never reached'],
    ['https://0.0.0.0/', 'is never reached'],
    ['https://user:canary@siem.example.com/', 'contains a user'],
    ['https://siem.example.com/#in', 'contains a user or a fragment'],
    ['file:///etc/passwd', 'is not an http or https URL'],
  ])('%s is refused: it %s', (url, problem) => {
    expect(problemsOf(to(url))).toEqual([
      { setting: 'TOOLGRANT_AUDIT_WEBHOOK', problem: expect.stringContaining(problem), fix: expect.any(String) },
    ]);
  });

  it('this machine is taken where the issuer is on it, too', () => {
    expect(namesOf(to('http://localhost:9000/', 'http://localhost:4000'))).toEqual([]);
  });

  it('a file can be written, and is none of somebody else: whoever serves is told at the start', () => {
    const now = new Date();
    const problemsWith = (file: string) => problemsOf({ TOOLGRANT_AUDIT_FILE: file }, { now }).map(({ problem }) => problem);
    expect(loadConfig({ TOOLGRANT_AUDIT_FILE: 'audit.jsonl' }, { directory, now }).config.auditStream).toEqual({
      file: join(directory, 'audit.jsonl'),
    });
    expect(problemsWith('nowhere/audit.jsonl')).toEqual([expect.stringMatching(/^names a file that cannot be written, .*ENOENT/)]);
    expect(problemsWith('.')).toEqual([expect.stringMatching(/^names something that is no file/)]);
    writeFileSync(join(directory, 'other.log'), 'a log\n');
    expect(problemsWith('other.log')).toEqual([expect.stringMatching(/^names a file that holds something else/)]);
    writeFileSync(join(directory, 'ours.jsonl'), '{"key":{"crv":"P-256","kty":"EC","x":"a","y":"b"}}\n');
    writeFileSync(join(directory, 'empty.jsonl'), '');
    for (const file of ['ours.jsonl', 'empty.jsonl']) expect(problemsWith(file)).toEqual([]);
    // Commands beside the issuer do not write there.
    expect(namesOf({ TOOLGRANT_AUDIT_FILE: 'nowhere/audit.jsonl' })).toEqual([]);
  });
});

describe('secrets', () => {
  it('are read from files, without the line end that editors add', () => {
    writeFileSync(join(directory, 'secret'), `${secret}\n`);
    writeFileSync(join(directory, 'previous'), `${otherSecret}\r\n`);
    const files = { TOOLGRANT_SECRET_FILE: join(directory, 'secret'), TOOLGRANT_SECRET_PREVIOUS_FILE: join(directory, 'previous') };
    const { secrets } = loadConfig(files, { directory: '/' });
    expect([secrets.keyEncryptionKey?.reveal(), secrets.previousKeyEncryptionKey?.reveal()]).toEqual([secret, otherSecret]);
  });

  it('are given once, by a file that can be read and holds something', () => {
    writeFileSync(join(directory, 'empty'), '\n');
    writeFileSync(join(directory, 'secret'), secret);
    expect(namesOf({ TOOLGRANT_SECRET_FILE: 'absent' })).toEqual(['TOOLGRANT_SECRET_FILE']);
    expect(namesOf({ TOOLGRANT_SECRET_FILE: 'empty' })).toEqual(['TOOLGRANT_SECRET_FILE']);
    expect(namesOf({ TOOLGRANT_SECRET_FILE: 'secret', TOOLGRANT_SECRET: secret })).toEqual(['TOOLGRANT_SECRET']);
    expect(namesOf({ DATABASE_URL: databaseUrl, TOOLGRANT_SECRET_FILE: 'absent' })).toEqual(['TOOLGRANT_SECRET_FILE']);
  });

  it('ABUSE-74: are in no message and in no print of the result', () => {
    const canary = 'canary-canary-canary-canary-canary';
    const wrong = Object.values(settings).flatMap((setting) => ('secret' in setting ? [[setting.name, `${canary}!`]] : []));
    expect(JSON.stringify(problemsOf(Object.fromEntries(wrong)))).not.toContain('canary');

    const loaded = loadConfig({ DATABASE_URL: databaseUrl, TOOLGRANT_SECRET: secret }, { directory });
    const prints = [inspect(loaded, { depth: 9, showHidden: true }), JSON.stringify(loaded), `${loaded.secrets.databaseUrl}`];
    for (const print of prints) {
      expect(print).toContain('[secret]');
      expect(print).not.toContain('canary');
      expect(print).not.toContain(secret);
    }
  });
});

describe('unknown variables', () => {
  it.each([
    ['TOOLGRANT_PROT', 'TOOLGRANT_PORT'],
    ['TOOLGRANT_ISUER', 'TOOLGRANT_ISSUER'],
    ['TOOLGRANT_TLS_CERTIFICATE', undefined],
    ['TOOLGRANT_SECRETS_FILE', 'TOOLGRANT_SECRET_FILE'],
    ['TOOLGRANT_TRUSTED_PROXY', 'TOOLGRANT_TRUSTED_PROXIES'],
    ['TOOLGRANT_COLOUR', undefined],
  ])('%s is a problem, with the likely meaning %s', (name, meant) => {
    const [problem] = problemsOf({ [name]: 'x' });
    expect(problem).toMatchObject({ setting: name, problem: 'is unknown' });
    expect(problem?.fix.startsWith('Did you mean')).toBe(meant !== undefined);
    expect(problem?.fix).toContain(meant ?? 'docs/configuration.md');
  });

  it('only secrets are read from files', () => {
    expect(problemsOf({ TOOLGRANT_PORT_FILE: '/x' })).toEqual([
      { setting: 'TOOLGRANT_PORT_FILE', problem: 'is unknown: only secrets can be given as files', fix: 'Set TOOLGRANT_PORT itself.' },
    ]);
  });

  it('those of others, and those that Kubernetes sets for a Service, are none of our business', () => {
    expect(
      namesOf({
        PATH: '/bin',
        TOOLGRANT_SERVICE_HOST: '10.0.0.1',
        TOOLGRANT_SERVICE_PORT_HTTP: '4000',
        TOOLGRANT_PORT_4000_TCP_ADDR: '10.0.0.1',
      }),
    ).toEqual([]);
    expect(problemsOf({ TOOLGRANT_PORT: 'tcp://10.0.0.1:4000' })[0]?.problem).toContain('Kubernetes');
  });
});
