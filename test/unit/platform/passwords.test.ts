import { describe, expect, it } from '@jest/globals';
import { createPasswordHasher, PasswordHashingBusy } from '../../../src/platform/passwords.ts';

const cheap = { memoryKib: 64, passes: 1, lanes: 1 };

describe('password hashing', () => {
  it('hashes with argon2id at the cost asked for, salted', async () => {
    const hasher = createPasswordHasher({ memoryKib: 128, passes: 3, lanes: 2 });
    const [one, two] = await Promise.all([hasher.hash('correct horse'), hasher.hash('correct horse')]);
    expect(one).toMatch(/^\$argon2id\$v=19\$m=128,p=2,t=3\$/);
    expect(one).not.toBe(two);
  });

  it('is at the level that OWASP recommends, by default', async () => {
    const [, memory, passes] = /m=(\d+),p=\d+,t=(\d+)/.exec(await createPasswordHasher().hash('a')) ?? [];
    expect(Number(memory)).toBeGreaterThanOrEqual(47_104);
    expect(Number(passes)).toBeGreaterThanOrEqual(1);
  });

  it('matches the same password only, however it was typed', async () => {
    const hasher = createPasswordHasher(cheap);
    const stored = await hasher.hash('Ångström 42');
    expect(await hasher.verify('A\u030angstro\u0308m 42', stored)).toEqual({ matches: true, needsRehash: false });
    expect(await hasher.verify('Ångström 43', stored)).toEqual({ matches: false, needsRehash: false });
    expect(await hasher.verify('', stored)).toEqual({ matches: false, needsRehash: false });
  });

  it('ABUSE-30: takes all of a long password into account', async () => {
    const hasher = createPasswordHasher(cheap);
    const long = 'x'.repeat(200);
    const stored = await hasher.hash(`${long}a`);
    expect((await hasher.verify(`${long}b`, stored)).matches).toBe(false);
    expect((await hasher.verify(`${long}a`, stored)).matches).toBe(true);
  });

  it('asks for a new hash when the cost has changed, and only when the password was right', async () => {
    const stored = await createPasswordHasher(cheap).hash('right');
    const dearer = createPasswordHasher({ ...cheap, passes: 2 });
    expect(await dearer.verify('right', stored)).toEqual({ matches: true, needsRehash: true });
    expect(await dearer.verify('wrong', stored)).toEqual({ matches: false, needsRehash: false });
  });

  it.each([null, undefined])('ABUSE-27: an account without a password (%p) costs a full hash and matches nothing', async (stored) => {
    // The bound makes the work visible: a check that cost nothing would not take the only place.
    const hasher = createPasswordHasher({ ...cheap, maxConcurrent: 1, maxWaiting: 0 });
    const first = hasher.verify('anything', stored);
    await expect(hasher.verify('anything', stored)).rejects.toBeInstanceOf(PasswordHashingBusy);
    expect(await first).toEqual({ matches: false, needsRehash: false });
  });

  it('ABUSE-30: bounds how many hash and how many wait, and serves those who waited', async () => {
    const hasher = createPasswordHasher({ ...cheap, maxConcurrent: 2, maxWaiting: 3 });
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => hasher.hash('password')));
    expect(results.map(({ status }) => status)).toEqual([...Array(5).fill('fulfilled'), ...Array(5).fill('rejected')]);
    for (const result of results.slice(5)) expect(result).toMatchObject({ reason: { name: 'PasswordHashingBusy' } });
    expect(await hasher.hash('afterwards')).toMatch(/^\$argon2id/);
  });

  it('gives its place back when a stored hash cannot be read', async () => {
    const hasher = createPasswordHasher({ ...cheap, maxConcurrent: 1, maxWaiting: 0 });
    await expect(hasher.verify('password', 'not a hash')).rejects.toThrow();
    expect(await hasher.hash('password')).toMatch(/^\$argon2id/);
  });
});
