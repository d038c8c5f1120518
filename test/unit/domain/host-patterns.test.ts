import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hostList, isHostListed } from '../../../src/domain/host-patterns.ts';

describe('a list of hosts', () => {
  it.each([
    ['claude.ai', 'claude.ai', true],
    ['claude.ai', 'evil-claude.ai', false],
    ['claude.ai', 'www.claude.ai', false],
    ['*.example.com', 'a.example.com', true],
    ['*.example.com', 'a.b.example.com', true],
    ['*.example.com', 'example.com', false],
    ['*.example.com', 'evilexample.com', false],
    ['*', 'anything.example', true],
    ['none', 'anything.example', false],
    ['a.example, B.example', 'b.example', true],
  ])('%s: is %s in it? %s', (written, host, isIn) => {
    const read = hostList.read(written);
    expect('value' in read && isHostListed(read.value, host)).toBe(isIn);
  });

  it.each([
    'https://a.example',
    'a.example/path',
    'a..example',
    '*.*.example',
    '*a.example',
    'a.example,',
    '-',
    'bücher.example',
    'a.example:443',
    Array.from({ length: 201 }, (_, n) => `h${n}.example`).join(),
  ])('is not %s', (written) => {
    expect(hostList.read(written)).toEqual({ problem: expect.any(String) });
  });

  it('reads what it spells', () => {
    const label = fc.stringMatching(/^[a-z0-9]{1,8}$/);
    const host = fc
      .tuple(fc.boolean(), fc.array(label, { minLength: 1, maxLength: 3 }))
      .map(([below, labels]) => `${below ? '*.' : ''}${labels.join('.')}`);
    fc.assert(
      fc.property(fc.uniqueArray(host, { maxLength: 10 }), (hosts) => {
        fc.pre(hosts.length > 0 ? hosts.join() !== 'none' : true);
        expect(hostList.read(hostList.spell(hosts))).toEqual({ value: hosts });
      }),
    );
  });
});
