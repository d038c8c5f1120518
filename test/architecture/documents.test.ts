import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { generatedDocuments } from '../../scripts/docs/documents.ts';
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
