import { describe, expect, it } from '@jest/globals';
import { listFiles, readText } from './source-tree.ts';

/** Written in pieces, so that this file does not find itself. */
const forbidden: readonly [string, RegExp][] = [
  ['the host of a package registry', /\b(registry|npm|packages)\.[a-z0-9-]+\.(org|com|net|io|dev|internal|local)\b/i],
  ['a path of somebody’s machine', /(^|[\s'"`(=])\/(work|home\/[a-z]+|Users\/[A-Za-z]+)\//m],
  ['a private key', new RegExp(`-----BEGIN ${'[A-Z ]*'}PRIVATE ${'KEY'}-----\\s*[A-Za-z0-9+/]{20}`)],
  ['an unfinished thought', new RegExp(`\\b(${['TO', 'DO'].join('')}|${['FIX', 'ME'].join('')}|X{3})\\b`)],
];

const texts = listFiles('.').filter((path) =>
  /\.(ts|js|md|json|ya?ml|grit|prisma|sql|eta|html|css|sh|example)$|(^|\/)(run|\.npmrc|\.swcrc)$/.test(path),
);

describe('the tree', () => {
  it.each(forbidden)('does not hold %s', (_, pattern) => {
    const found = texts.flatMap((path) => {
      const match = pattern.exec(readText(path));
      return match ? [`${path}: ${match[0]}`] : [];
    });
    expect(found).toEqual([]);
  });

  it('is read in full', () => {
    for (const path of ['.ci/run', '.npmrc', 'package.json', 'src/config/settings.ts', 'docs/architecture.md'])
      expect(texts).toContain(path);
  });
});
