import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { findPasswordProblem, isPasswordTooLong, maxPasswordBytes, minPasswordCharacters } from '../../../src/domain/password-rules.ts';
import { demoAccount } from '../../../src/services/prepare-demo.ts';

const account = { email: 'ada.lovelace@analytical.example' };
const judge = (password: string) => findPasswordProblem(password, account);

describe('a new password', () => {
  it.each([
    'staple horse correct lamp',
    'seven grey geese fly',
    'vier zahme Igel im Laub',
    'kQ3v9ZpLx7TnR2w',
    'the password is not this one',
    '                river stone cloud',
    'совершенно обычная фраза',
    '雨が降る前に傘を持って行きましょうね',
    '🦔🌲🍂🪵🌧️🦉🌙✨🔥🏕️🥾🗺️🧭🎒⛺',
    'xxxxxxxxxxq7 rather long but typed once',
    demoAccount.password,
  ])('may be %j', (password) => {
    expect(judge(password)).toBeUndefined();
  });

  it('has at least 15 characters, counted as people count them', () => {
    expect(judge('kQ3v9ZpLx7TnR2')).toBe('too-short');
    expect(judge('🦔🌲🍂🪵🌧🦉🌙')).toBe('too-short');
    // Letter and accent are one character where there is one for both.
    expect(judge('e\u0301a\u0308'.repeat(7))).toBe('too-short');
    expect(minPasswordCharacters).toBe(15);
  });

  it('ABUSE-30: may have 64 characters and more, and is never cut', () => {
    const long = Array.from({ length: 16 }, (_, index) => `wd${index}fish`).join(' ');
    expect(long.length).toBeGreaterThan(64);
    expect(judge(long)).toBeUndefined();
    expect(isPasswordTooLong('a'.repeat(maxPasswordBytes))).toBe(false);
    expect(isPasswordTooLong('a'.repeat(maxPasswordBytes + 1))).toBe(true);
    expect(isPasswordTooLong('€'.repeat(maxPasswordBytes / 2))).toBe(true);
    expect(judge('a'.repeat(1 << 20))).toBe('too-long');
  });

  it.each([
    'passwordpassword',
    'Password12345678',
    'Passw0rd!Passw0rd!',
    'P@ssword-P@ssword',
    'correct horse battery staple',
    'CorrectHorseBatteryStaple1',
    'qwertyuiopasdfgh',
    'qwertyuiop123456',
    '123456789012345',
    '1q1q1q1q1q1q1q1q1q',
    'aaaaaaaaaaaaaaaaaaaa',
    'abcdefghijklmnopqrstuvwxyz',
    'iloveyou-iloveyou',
    'welcome to summer',
    'Summer2026Summer2026',
    'letmeinletmeinletmein',
    'administrator2026!',
    'zxcvbnm,./zxcvbnm,./',
  ])('may not be %j, which is among the first that are tried', (password) => {
    expect(judge(password)).toBe('common');
  });

  it.each([
    'ada.lovelace@analytical.example',
    'adalovelace2026!',
    'ADA LOVELACE 1815',
    'lovelace-password',
    'toolgrant toolgrant',
    'toolgrant-password',
    'analyticalanalytical',
  ])('may not be %j, which is about the account', (password) => {
    expect(judge(password)).toBe('about-the-account');
  });

  it('is judged quickly, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 15, maxLength: 1_024, unit: fc.constantFrom('a', 'b', '1', 'p') }), (password) => {
        expect([undefined, 'common', 'about-the-account']).toContain(judge(password));
      }),
      { numRuns: 50 },
    );
  });
});
