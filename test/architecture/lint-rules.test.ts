/** Every lint rule of ours is proved by a sample that breaks it: a rule that no longer bites fails here. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isAllowed, rooms, wiring } from './room-table.ts';
import { root } from './source-tree.ts';

interface Sample {
  file: string;
  text: string;
  /** Part of the rule's category or message; absent: nothing of ours may complain. */
  expected?: RegExp;
}

interface Diagnostic {
  category: string;
  message: string;
  location: { path: string };
}

const importOf = (path: string) => `import { thing } from '${path}';\nthing();\n`;
const targetOf = (room: string) => (room.endsWith('.ts') ? room : `${room}/sample.ts`);

const roomSamples: Sample[] = Object.keys(rooms).flatMap((from) =>
  [...Object.keys(rooms), ...wiring]
    .filter((to) => to !== from)
    .flatMap((to) => {
      const file = `src/${from}/imports-${to.replace('.', '-')}.ts`;
      const allowed = isAllowed({ room: from, file }, { room: to, file: `src/${targetOf(to)}` });
      const deep = `src/${from}/deep/imports-${to.replace('.', '-')}.ts`;
      const expected = allowed ? {} : { expected: new RegExp(`src/${from} .*(import|nothing)`) };
      return [
        { file, text: importOf(`../${targetOf(to)}`), ...expected },
        { file: deep, text: importOf(`../../${targetOf(to)}`), ...expected },
      ];
    }),
);

const sample = (file: string, text: string, expected?: RegExp): Sample => ({ file, text, ...(expected && { expected }) });

const ruleSamples: Sample[] = [
  sample('src/domain/scope-import.ts', importOf('../resource-server/scope.ts')),
  sample('src/domain/form-import.ts', importOf('../resource-server/api-key-form.ts')),
  sample('src/domain/type-import.ts', "import type { Thing } from '../store/thing.ts';\nexport type Other = Thing;\n", /src\/domain/),
  sample('src/domain/inline-type.ts', "export type Other = import('../store/thing.ts').Thing;\n", /src\/domain/),
  sample('src/domain/re-export.ts', "export * from '../store/thing.ts';\n", /src\/domain/),
  sample('src/domain/dynamic.ts', "export const load = () => import('../store/thing.ts');\n", /src\/domain/),
  sample('src/domain/self.ts', importOf('toolgrant/resource-server'), /src\/domain/),
  sample('src/oidc/adapter.ts', importOf('../store/artifacts.ts')),
  sample('src/oidc/client-adapter.ts', importOf('../store/clients.ts')),
  sample('src/oidc/other-adapter.ts', importOf('../store/clients.ts'), /src\/oidc/),
  sample('src/oidc/deep/adapter.ts', importOf('../../store/artifacts.ts'), /src\/oidc/),
  sample('src/demo/self.ts', importOf('toolgrant/resource-server/express')),
  sample('src/services/engine.ts', importOf('oidc-provider'), /only src\/oidc imports oidc-provider/),
  sample('src/services/engine-part.ts', importOf('oidc-provider/lib/helpers/errors.js'), /only src\/oidc imports oidc-provider/),
  sample('src/oidc/engine.ts', importOf('oidc-provider')),
  sample('src/services/prisma.ts', importOf('@prisma/client'), /only src\/store imports Prisma/),
  sample('src/platform/prisma.ts', importOf('@prisma/adapter-pg'), /only src\/store imports Prisma/),
  sample('src/services/generated.ts', importOf('../store/generated/client.ts'), /only src\/store imports the generated client/),
  sample('src/http/pg.ts', importOf('pg'), /only src\/store and the pool/),
  sample('src/platform/pg.ts', importOf('pg')),
  sample('src/store/pg.ts', importOf('pg')),
  sample('src/services/argon2.ts', importOf('argon2'), /only src\/platform imports/),
  sample('src/http/undici.ts', importOf('undici'), /only src\/platform imports/),
  sample('src/http/pino.ts', importOf('pino'), /only src\/platform imports/),
  sample('src/resource-server/jose.ts', importOf('jose')),
  sample('src/resource-server/zod.ts', importOf('zod'), /depends on jose alone/),
  sample('src/resource-server/node.ts', importOf('node:crypto'), /depends on jose alone/),
  sample('src/resource-server/express.ts', importOf('express')),
  sample('src/domain/cycle-a.ts', "import { b } from './cycle-b.ts';\nexport const a = () => b();\n", /noImportCycles/),
  sample('src/domain/cycle-b.ts', "import { a } from './cycle-a.ts';\nexport const b = (): unknown => a();\n", /noImportCycles/),
  sample('src/services/date-now.ts', 'export const at = Date.now();\n', /ambient time/),
  sample('src/services/date-global.ts', 'export const at = globalThis.Date.now();\n', /ambient time/),
  sample('src/services/date-reference.ts', 'export const clock = Date.now;\n', /ambient time/),
  sample('src/services/new-date.ts', 'export const at = new Date();\n', /ambient time/),
  sample('src/services/new-date-of.ts', 'export const at = new Date(0);\n'),
  sample('src/platform/new-date.ts', 'export const at = new Date();\n'),
  sample('src/services/math-random.ts', 'export const chance = Math.random();\n', /guessable randomness/),
  sample(
    'src/services/random-bytes.ts',
    "import { randomBytes } from 'node:crypto';\nexport const id = randomBytes(8);\n",
    /ambient randomness/,
  ),
  sample('src/services/random-uuid.ts', 'export const id = crypto.randomUUID();\n', /ambient randomness/),
  sample(
    'src/services/random-values.ts',
    'export const id = globalThis.crypto.getRandomValues(new Uint8Array(8));\n',
    /ambient randomness/,
  ),
  sample(
    'src/services/random-namespace.ts',
    "import * as crypto from 'node:crypto';\nexport const id = crypto.randomBytes(8);\n",
    /ambient randomness/,
  ),
  sample('src/services/hash.ts', "import { createHash } from 'node:crypto';\nexport const hash = createHash('sha256');\n"),
  sample('src/platform/random-bytes.ts', "import { randomBytes } from 'node:crypto';\nexport const id = randomBytes(8);\n"),
  sample('src/services/fetch.ts', "export const page = await fetch('https://example.com');\n", /raw fetch/),
  sample('src/services/fetch-global.ts', 'export const get = globalThis.fetch;\n', /raw fetch/),
  sample('src/services/request.ts', "import { request } from 'node:https';\nrequest('https://example.com');\n", /raw requests/),
  sample('src/http/server.ts', "import { createServer } from 'node:http';\ncreateServer();\n"),
  sample('src/resource-server/fetch.ts', "export const page = await fetch('https://example.com');\n"),
  sample('src/services/env.ts', "export const home = process.env['HOME'];\n", /noProcessEnv/),
  sample(
    'src/services/env-import.ts',
    "import { env } from 'node:process';\nexport const home = env['HOME'];\n",
    /noProcessEnv|src\/config alone/,
  ),
  sample('src/config/env.ts', "export const home = process.env['HOME'];\n"),
  sample('src/domain/default.ts', 'export default 1;\n', /noDefaultExport/),
  sample('src/domain/any.ts', 'export function pass(value: any): unknown {\n  return value;\n}\n', /noExplicitAny/),
  sample('src/domain/non-null.ts', 'export const first = (list: string[]) => list[0]!;\n', /noNonNullAssertion/),
  sample('src/domain/console.ts', "console.log('hello');\n", /noConsole/),
  sample('src/domain/parameters.ts', 'export const sum = (a: number, b: number, c: number, d: number) => a + b + c + d;\n', /useMaxParams/),
  sample(
    'src/domain/floating.ts',
    'async function work(): Promise<void> {}\nexport function start(): void {\n  work();\n}\n',
    /noFloatingPromises/,
  ),
  sample('src/domain/NotKebab.ts', 'export const one = 1;\n', /useFilenamingConvention/),
  sample(
    'src/domain/long.ts',
    Array.from({ length: 401 }, (_, line) => `export const line${line} = ${line};\n`).join(''),
    /noExcessiveLinesPerFile/,
  ),
  sample('src/domain/extension.ts', "import { b } from './cycle-b';\nexport const c = b;\n", /useImportExtensions/),
  sample('test/unit/skipped.test.ts', "import { it } from '@jest/globals';\nit.skip('later', () => undefined);\n", /noSkippedTests/),
  sample('test/unit/focused.test.ts', "import { it } from '@jest/globals';\nit.only('now', () => undefined);\n", /noFocusedTests/),
];

const samples = [...roomSamples, ...ruleSamples];
let folder: string;
let found: Diagnostic[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lint-'));
  for (const part of ['biome.json', 'package.json', 'tsconfig.json', 'scripts/lint'])
    cpSync(join(root, part), join(folder, part), { recursive: true });
  for (const { file, text } of samples) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  const biome = join(root, 'node_modules/@biomejs/biome/bin/biome');
  const run = spawnSync(process.execPath, [biome, 'lint', '--reporter=json', '--max-diagnostics=none', '.'], {
    cwd: folder,
    encoding: 'utf8',
  });
  found = (JSON.parse(run.stdout) as { diagnostics: Diagnostic[] }).diagnostics;
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('the linter', () => {
  it.each(samples)('$file: $expected', ({ file, expected }) => {
    const complaints = found.filter(({ location }) => location.path === file).map(({ category, message }) => `${category}: ${message}`);
    if (expected) expect(complaints.join('\n')).toMatch(expected);
    else
      expect(
        complaints.filter((complaint) => complaint.startsWith('plugin') || /noProcessEnv|noRestrictedImports/.test(complaint)),
      ).toEqual([]);
  });

  it('leaves the generated client alone', () => {
    expect(found.filter(({ location }) => location.path.includes('src/store/generated/'))).toEqual([]);
  });
});
