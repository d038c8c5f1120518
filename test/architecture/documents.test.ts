import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { generatedDocuments } from '../../scripts/docs/documents.ts';
import { pictures } from '../../scripts/pictures/list.ts';
import { createProgram } from '../../src/cli/program.ts';
import { settings } from '../../src/config/settings.ts';
import { listFiles, readText, root } from './source-tree.ts';

describe('generated documents', () => {
  it.each(generatedDocuments)('$path is what the code says (else: npm run docs)', ({ path, render }) => {
    expect(readText(path)).toBe(render());
  });
});

describe('.env.example', () => {
  const names = [...readText('.env.example').matchAll(/^#?([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name);

  it('names every setting once, and nothing else', () => {
    expect([...names].sort()).toEqual(
      Object.values(settings)
        .map(({ name }) => name)
        .sort(),
    );
  });

  it('holds no secret that could be copied', () => {
    for (const setting of Object.values(settings)) if ('secret' in setting) expect(readText('.env.example')).not.toContain(setting.example);
  });
});

describe('Markdown', () => {
  const pages = listFiles('.').filter((path) => path.endsWith('.md'));

  it.each(pages)('%s links to files that exist', (page) => {
    const targets = [...readText(page).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)].map(([, target]) => target ?? '');
    expect(targets.filter((target) => !existsSync(join(root, dirname(page), target)))).toEqual([]);
  });
});

describe('pictures', () => {
  it('are those that `npm run pictures` takes, and no others', () => {
    const there = listFiles('docs/images').map((path) => path.replace('docs/images/', ''));
    const taken = Object.values(pictures).flat();
    expect(there.sort()).toEqual(taken.map((picture) => `${picture}.png`).sort());
  });
});

describe('commands in the documents', () => {
  const program = createProgram(
    { out: () => undefined, err: () => undefined, stdin: process.stdin, isTerminal: false, isErrTerminal: false },
    { json: false },
  );
  const pages = listFiles('.').filter((path) => path.endsWith('.md') && !path.includes('CHANGELOG'));
  const calls = pages.flatMap((page) =>
    [...readText(page).matchAll(/(?:^|`|npx |-- )toolgrant ((?:[a-z<-][\w<>@.:/-]* ?)+)/gm)].map(([, call = '']) => ({
      page,
      words: call.trim().split(' '),
    })),
  );

  it('are many', () => {
    expect(calls.length).toBeGreaterThan(20);
  });

  it.each(calls.map(({ page, words }) => [page, words.join(' ')]))('%s: toolgrant %s is one, with its options', (_page, call) => {
    let command = program;
    const words = call.split(' ');
    for (const [index, word] of words.entries()) {
      const next = command.commands.find((one) => one.name() === word);
      if (!next) {
        // What is left are arguments and options; a group has neither.
        expect({ call, isGroup: command.commands.length > 0 && index < words.length && !word.startsWith('-') }).toEqual({
          call,
          isGroup: false,
        });
        break;
      }
      command = next;
    }
    const known = ['--help', '--version', ...command.options.map(({ long }) => long)];
    for (const option of words.filter((word) => word.startsWith('--'))) expect(known).toContain(option);
  });
});

describe('metrics', () => {
  it('are all in docs/operations.md, and none besides', () => {
    const sources = listFiles('src').filter((path) => path.endsWith('.ts'));
    const made = sources.flatMap((path) => [...readText(path).matchAll(/name: '(toolgrant_\w+)'/g)].map(([, name]) => name));
    const told = [...readText('docs/operations.md').matchAll(/^\| `(toolgrant_\w+)` \|/gm)].map(([, name]) => name);
    expect(told.sort()).toEqual(made.sort());
  });
});

describe('tables', () => {
  it('are all in docs/database.md with what becomes of their rows, and none besides', () => {
    const made = [...readText('prisma/schema.prisma').matchAll(/@@map\("(\w+)"\)/g)].map(([, name]) => name);
    const [, section = ''] = readText('docs/database.md').split('## What becomes of rows that are over');
    const rows = [...(section.split('\n## ')[0] ?? '').matchAll(/^\| ([^|]+) \|/gm)].map(([, first = '']) => first);
    const told = new Set(rows.flatMap((first) => [...first.matchAll(/`(\w+)`/g)].map(([, name]) => name)));
    expect([...told].sort()).toEqual(made.sort());
  });
});

describe('decision records', () => {
  const records = listFiles('docs/decisions').filter((path) => /\/\d{4}-/.test(path));

  it('are numbered without gaps', () => {
    expect(records.map((path) => Number(/\/(\d{4})-/.exec(path)?.[1])).sort()).toEqual(records.map((_, index) => index + 1));
  });

  it.each(records)('%s says its status and what was not chosen', (path) => {
    expect(readText(path)).toMatch(/^# \d{4} .+\n\nStatus: (accepted|superseded by \d{4}), \d{4}-\d{2}\n/);
    expect(readText(path)).toMatch(/^\*\*Not chosen\.\*\* /m);
  });
});
