import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  allTenantSettings,
  areSameSettings,
  defaultTenantSettings,
  readSettingChanges,
  readTenantSettings,
  spellTenantSettings,
} from '../../../src/domain/tenant-settings.ts';

describe('every setting of a tenant', () => {
  it.each(allTenantSettings.map((entry) => [entry.name, entry] as const))(
    '%s: reads what it spells, and is named as others are',
    (name, entry) => {
      for (const value of [entry.default, entry.careful]) expect(entry.read(entry.spell(value))).toEqual({ value });
      expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(entry.description).toMatch(/\.$/);
    },
  );

  it('has a name of its own', () => {
    expect(new Set(allTenantSettings.map(({ name }) => name)).size).toBe(allTenantSettings.length);
  });
});

describe('stored settings', () => {
  it('are defaults where nothing is stored', () => {
    expect(readTenantSettings({})).toEqual({ settings: defaultTenantSettings, unread: [] });
  });

  it('stop nobody, whatever they hold: what cannot be read is careful, and named', () => {
    expect(readTenantSettings({ registration: 'by-post', colour: 'red' })).toEqual({
      settings: { ...defaultTenantSettings, registration: 'off' },
      unread: [
        { name: 'colour', problem: 'is unknown' },
        { name: 'registration', problem: expect.stringContaining('"by-post"') },
      ],
    });
    expect(readTenantSettings({ registration: 7 }).settings.registration).toBe('off');
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom('registration', '__proto__', 'x'), fc.jsonValue())), (stored) => {
        const { settings, unread } = readTenantSettings(stored);
        const members = typeof stored === 'object' && stored !== null && !Array.isArray(stored) ? Object.keys(stored) : undefined;
        const isBad = members === undefined || members.length > 0;
        if (!isBad) expect(areSameSettings(settings, defaultTenantSettings)).toBe(true);
        if (members === undefined) expect(unread).toHaveLength(1);
        expect(['open', 'token', 'off']).toContain(settings.registration);
      }),
    );
  });
});

describe('a change of settings', () => {
  it('is read whole, or every problem of it is told with its fix', () => {
    expect(readSettingChanges(new Map([['registration', ' off ']]))).toEqual({ ok: true, changes: { registration: 'off' } });
    expect(readSettingChanges(new Map([['registration', '']]))).toEqual({ ok: true, changes: { registration: null } });
    const wrong = readSettingChanges(
      new Map([
        ['registration', 'closed'],
        ['registrations', 'off'],
        ['__proto__', 'off'],
      ]),
    );
    expect(wrong).toEqual({
      ok: false,
      problems: [
        { name: 'registration', problem: 'is "closed", which is none of open, token, off', fix: 'Set it to open, token or off.' },
        { name: 'registrations', problem: 'is no setting of a tenant', fix: expect.stringContaining('registration') },
        { name: '__proto__', problem: 'is no setting of a tenant', fix: expect.any(String) },
      ],
    });
  });
});

it('settings are the same when they are spelled the same', () => {
  const { settings } = readTenantSettings(spellTenantSettings(defaultTenantSettings));
  expect(areSameSettings(settings, defaultTenantSettings)).toBe(true);
  expect(areSameSettings(settings, { ...settings, registration: 'off' })).toBe(false);
});
