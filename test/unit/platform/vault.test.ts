import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CannotDecrypt, createVault } from '../../../src/platform/vault.ts';

const context = { purpose: 'signing-key', tenantId: 'tnt_1' };

describe('the vault', () => {
  it('opens what it sealed, whatever the text', () => {
    const vault = createVault({ current: 'a secret of some length' });
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(vault.open(vault.seal(text, context), context)).toBe(text);
      }),
    );
  });

  it('never seals the same text alike, and shows nothing of it', () => {
    const vault = createVault({ current: 'secret' });
    const [one, two] = [vault.seal('canary-text', context), vault.seal('canary-text', context)];
    expect(one).not.toBe(two);
    for (const envelope of [one, two]) {
      expect(envelope).toMatch(/^v1\.[\w-]{8}\.[\w-]+$/);
      expect(Buffer.from(envelope.split('.')[2] as string, 'base64url').includes('canary')).toBe(false);
    }
  });

  it.each([
    ['another tenant', { purpose: 'signing-key', tenantId: 'tnt_2' }],
    ['no tenant', { purpose: 'signing-key' }],
    ['another purpose', { purpose: 'totp-seed', tenantId: 'tnt_1' }],
    ['parts moved from one to the other', { purpose: 'signing-key","tnt_1', tenantId: '' }],
  ])('does not open for %s', (_what, other) => {
    const vault = createVault({ current: 'secret' });
    expect(() => vault.open(vault.seal('text', context), other)).toThrow(CannotDecrypt);
  });

  it('does not open when a single bit was changed', () => {
    const vault = createVault({ current: 'secret' });
    const [version, key, body] = vault.seal('text', context).split('.') as [string, string, string];
    const bytes = Buffer.from(body, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(() => vault.open(`${version}.${key}.${changed.toString('base64url')}`, context)).toThrow(CannotDecrypt);
    }
  });

  it.each(['', 'v1', 'v1.aaaa', 'v2.aaaaaaaa.bbbb', 'plain text', 'v1.aaaaaaaa.AA.more'])('refuses %p', (envelope) => {
    expect(() => createVault({ current: 'secret' }).open(envelope, context)).toThrow(CannotDecrypt);
  });

  it('refuses an envelope that is cut short', () => {
    const vault = createVault({ current: 'secret' });
    const [version, key, body] = vault.seal('', context).split('.') as [string, string, string];
    expect(() => vault.open(`${version}.${key}.${body.slice(0, 20)}`, context)).toThrow(/cut short/);
  });

  it('ABUSE-55: without the secret it says which setting to look at', () => {
    const sealed = createVault({ current: 'old secret' }).seal('text', context);
    expect(() => createVault({ current: 'new secret' }).open(sealed, context)).toThrow(/TOOLGRANT_SECRET_PREVIOUS/);
  });

  it('opens with previous secrets, seals with the current one, and tells which envelopes to renew', () => {
    const sealed = createVault({ current: 'old secret' }).seal('text', context);
    const rotated = createVault({ current: 'new secret', previous: ['old secret'] });
    expect(rotated.open(sealed, context)).toBe('text');
    expect(rotated.needsReseal(sealed)).toBe(true);
    const renewed = rotated.seal('text', context);
    expect(rotated.needsReseal(renewed)).toBe(false);
    expect(createVault({ current: 'new secret' }).open(renewed, context)).toBe('text');
  });

  it('derives keys that depend on secret and purpose alone', () => {
    const vault = createVault({ current: 'new', previous: ['old'] });
    expect(vault.deriveKey('cookies')).toHaveLength(32);
    expect(vault.deriveKey('cookies')).toEqual(createVault({ current: 'new' }).deriveKey('cookies'));
    expect(vault.deriveKey('cookies')).not.toEqual(vault.deriveKey('links'));
    expect(vault.deriveKeys('cookies')).toEqual([vault.deriveKey('cookies'), createVault({ current: 'old' }).deriveKey('cookies')]);
  });
});
