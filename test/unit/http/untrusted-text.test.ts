import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { maxNameCharacters, readableName, readableText } from '../../../src/http/views/untrusted-text.ts';

describe('text of strangers', () => {
  it.each([
    ['plain', 'Create issue', 'Create issue'],
    ['white space of any kind', ' a\n\tb\u2028c\u00a0d ', 'a b c d'],
    ['a bidi override', 'safe\u202Egpj.exe', 'safe[U+202E]gpj.exe'],
    ['zero-width characters', 'pay\u200Bpal', 'pay[U+200B]pal'],
    ['tag characters that only machines read', 'hi\u{E0041}', 'hi[U+E0041]'],
    ['letters that are blank by design', '\u3164', '[U+3164]'],
    ['a lone surrogate', '\uD800', '[U+D800]'],
    ['NUL and escape sequences', 'a\u0000\u001b[31m', 'a[U+0000][U+001B][31m'],
    ['an honest emoji', '⚠️ careful 👩‍💻', '⚠️ careful 👩‍💻'],
    ['accents', 'Ångström é', 'Ångström é'],
    ['a tower of marks', `z${'\u0351'.repeat(50)}`, `z${'\u0351'.repeat(3)}`],
  ])('ABUSE-89: %s', (_, text, expected) => {
    expect(readableText(text, 300)).toBe(expected);
  });

  it('ABUSE-89: a megabyte is cut, quickly', () => {
    expect([...readableText('x'.repeat(1_000_000), 300)]).toHaveLength(300);
    expect(readableText('\u200B'.repeat(1_000_000), 300).length).toBe(300);
  });

  it('ABUSE-89: nothing invisible is left, and nothing is longer than allowed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 500 }), fc.integer({ min: 1, max: 100 }), (text, max) => {
        const readable = readableText(text, max);
        expect([...readable].length).toBeLessThanOrEqual(max);
        expect(
          readable.replace(
            /\p{Extended_Pictographic}\p{Emoji_Modifier}?(?:\uFE0F|\u200D(?=\p{Extended_Pictographic})|\uFE0F\u200D)+/gu,
            '',
          ),
        ).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u);
      }),
    );
  });

  it('a name with nothing to read has a fallback', () => {
    expect(readableName('  \n ', 'unnamed')).toBe('unnamed');
    expect(readableName(undefined, 'unnamed')).toBe('unnamed');
    expect([...readableName('n'.repeat(500), 'unnamed')]).toHaveLength(maxNameCharacters);
  });
});
