import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { plainJson, plainText, table } from '../../../src/cli/plain-text.ts';
import { createTerminalLog } from '../../../src/compose/process-log.ts';

const steering = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/u;

describe('text for a terminal', () => {
  it('shows what strangers wrote as inert text', () => {
    expect(plainText('plain – naïve 日本')).toBe('plain – naïve 日本');
    expect(plainText('a\u001b[2Jb\r\nc\u202ed\u200be\u{e0001}f')).toBe(String.raw`a\u{1b}[2Jb\u{d}\u{a}c\u{202e}d\u{200b}e\u{e0001}f`);
  });

  it('lets no character through that steers', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(plainText(text)).not.toMatch(steering);
        expect(table(['A'], [[text]]).split('\n')).toHaveLength(2);
      }),
    );
  });

  it('writes JSON that any parser reads back, and that is inert until then', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const json = plainJson({ text });
        expect(json.replaceAll('\n', '')).not.toMatch(steering);
        expect(JSON.parse(json)).toEqual({ text });
      }),
    );
  });

  it('keeps columns under their headings', () => {
    expect(
      table(
        ['NAME', 'N'],
        [
          ['a', '1'],
          ['longer', '22'],
        ],
      ),
    ).toBe('NAME    N\na       1\nlonger  22');
  });
});

describe('the log at a terminal', () => {
  it('has warnings and worse, one line each, without secrets', () => {
    const lines: string[] = [];
    const log = createTerminalLog((line) => lines.push(line));
    log.info('listening');
    log.warn({ issuer: 'http://localhost:4000' }, 'the issuer URL was changed');
    log.error({ error: new Error('it broke'), password: 'hush' }, 'fault');
    expect(lines).toEqual([
      'Warning: the issuer URL was changed · (issuer=http://localhost:4000)',
      expect.stringMatching(/^Error: fault · it broke · \(password=(?!hush).*\)$/),
    ]);
  });
});
