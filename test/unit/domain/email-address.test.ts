import { describe, expect, it } from '@jest/globals';
import { parseEmail } from '../../../src/domain/email-address.ts';

describe('parseEmail', () => {
  it.each([
    ['ada@example.com', 'ada@example.com'],
    ['  Ada.Lovelace+x@Example.COM ', 'ada.lovelace+x@example.com'],
    ['jörg@exämple.de', 'jörg@exämple.de'],
    ['jo\u0308rg@example.de', 'jörg@example.de'],
    ['root@localhost', 'root@localhost'],
  ])('%j is %j', (typed, email) => {
    expect(parseEmail(typed)).toBe(email);
  });

  it.each([
    '',
    'ada',
    '@example.com',
    'ada@',
    'a@b@c',
    'a b@example.com',
    'a\0@example.com',
    'a\u202e@example.com',
    'a\r\nBcc: x@example.com',
    '<a@example.com>',
    `${'a'.repeat(250)}@example.com`,
    'a'.repeat(1 << 20),
  ])('%j is none', (typed) => {
    expect(parseEmail(typed)).toBeUndefined();
  });
});
