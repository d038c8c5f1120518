import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../src/config/load-config.ts';
import { settings } from '../../src/config/settings.ts';
import { listFiles, listSources, readText } from './source-tree.ts';

const code = listSources('src')
  .filter((path) => !path.startsWith('src/config/'))
  .map(readText)
  .join('\n');

/** `a.b` for `{ a: { b: 1 } }`; lists are leaves. */
function leavesOf(value: object, prefix = ''): string[] {
  return Object.entries(value).flatMap(([name, part]) =>
    typeof part === 'object' && part !== null && !Array.isArray(part) ? leavesOf(part, `${prefix}${name}.`) : [`${prefix}${name}`],
  );
}

const secret = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7)).toString('base64url');
const { config, secrets } = loadConfig({
  DATABASE_URL: 'postgres://runtime@db/toolgrant',
  TOOLGRANT_MIGRATION_DATABASE_URL: 'postgres://owner@db/toolgrant',
  TOOLGRANT_SECRET: secret,
  TOOLGRANT_SECRET_PREVIOUS: Buffer.from(secret, 'base64url').reverse().toString('hex'),
  TOOLGRANT_DEFAULT_RESOURCE: 'http://localhost:4001/mcp',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318',
  OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20x',
});

describe('every setting', () => {
  // One that nothing reads would be a promise that nobody keeps.
  it.each(code.includes('loadConfig') ? [...leavesOf(config), ...Object.keys(secrets)] : ['issuer'])(
    '%s is used outside src/config',
    (leaf) => {
      const name = leaf.split('.').at(-1) ?? leaf;
      expect(code).toMatch(new RegExp(`\\b${name}\\b`));
    },
  );

  it('that code, scripts or pages name exists', () => {
    const known = Object.values(settings).flatMap(({ name }) => [name, `${name}_FILE`]);
    const naming = listFiles('.').filter((path) => /^(src|scripts|views|docs|\.ci)\/|^[^/]+\.md$/.test(path));
    const unknown = naming.flatMap((path) =>
      [...readText(path).matchAll(/\bTOOLGRANT_[A-Z][A-Z0-9_]*[A-Z0-9]\b/g)]
        .filter(([name]) => !known.includes(name) && !/^TOOLGRANT_(SERVICE|PORT_\d)/.test(name))
        .map(([name]) => `${path}: ${name}`),
    );
    expect(unknown).toEqual([]);
  });
});
