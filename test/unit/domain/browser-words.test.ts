import { describe, expect, it } from '@jest/globals';
import { browserWords } from '../../../src/domain/browser-words.ts';

describe('a browser in words', () => {
  it.each([
    ['Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0', 'Firefox on Windows'],
    ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36', 'Chrome on Linux'],
    ['Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0', 'Edge on Windows'],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15',
      'Safari on a Mac',
    ],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 CriOS/140.0 Mobile Safari/604.1', 'Chrome on an iPhone'],
    ['Something (Android)', 'A browser on Android'],
    ['Chrome/140', 'Chrome'],
    ['curl/8.5.0', undefined],
    ['', undefined],
  ])('%s', (userAgent, words) => {
    expect(browserWords(userAgent)).toBe(words);
  });

  it('ABUSE-89: says nothing that the caller wrote', () => {
    expect(browserWords(`Firefox/<script>${'x'.repeat(1_000_000)}`)).toBe('Firefox');
  });
});
