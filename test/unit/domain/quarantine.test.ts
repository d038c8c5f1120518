import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseDuration, spellDuration } from '../../../src/domain/duration.ts';
import {
  findQuarantine,
  type Quarantine,
  type QuarantinedClient,
  type QuarantineSetting,
  quarantineForm,
  restartQuarantine,
} from '../../../src/domain/quarantine.ts';
import { now, runs } from './arbitraries.ts';

const hours = (count: number) => new Date(now.getTime() + count * 3_600_000);
const fresh: QuarantinedClient = { kind: 'dynamic', createdAt: hours(-1) };
const day: QuarantineSetting = { seconds: 86_400 };
const changed = (at: number): QuarantinedClient => ({ ...fresh, createdAt: hours(-24 * 7), identityChangedAt: hours(at) });

describe('who is in quarantine', () => {
  const cases: [what: string, client: QuarantinedClient, setting: QuarantineSetting, quarantine: Quarantine | undefined][] = [
    ['a new one where it is off', fresh, 'off', undefined],
    ['a new one until it is verified', fresh, 'until-verified', { by: 'setting' }],
    ['a new one for a day', fresh, day, { by: 'setting', endsAt: hours(23) }],
    ['one of yesterday', { ...fresh, createdAt: hours(-24) }, day, undefined],
    ['one of last week that became another an hour ago', changed(-1), day, { by: 'setting', endsAt: hours(23) }],
    ['one of last week that became another yesterday', changed(-24), day, undefined],
    ['one that became another, where it is off', changed(-1), 'off', undefined],
    ['one that became another and was verified since', { ...changed(-2), verifiedAt: hours(-1) }, day, undefined],
    [
      'one that was changed by a clock that is behind',
      { ...fresh, identityChangedAt: hours(-30) },
      day,
      { by: 'setting', endsAt: hours(23) },
    ],
    ['a document', { ...fresh, kind: 'document' }, 'until-verified', { by: 'setting' }],
    ['one made by hand', { ...fresh, kind: 'manual' }, 'until-verified', undefined],
    ['a verified one', { ...fresh, verifiedAt: hours(-1) }, 'until-verified', undefined],
    ['by hand', { ...fresh, quarantinedAt: hours(-1) }, 'off', { by: 'administrator' }],
    ['by hand, made by hand', { ...fresh, kind: 'manual', quarantinedAt: hours(-1) }, 'off', { by: 'administrator' }],
    [
      'by hand for a while',
      { ...fresh, quarantinedAt: hours(-1), quarantineEndsAt: hours(1) },
      'off',
      { by: 'administrator', endsAt: hours(1) },
    ],
    ['by hand, over', { ...fresh, quarantinedAt: hours(-2), quarantineEndsAt: now }, 'off', undefined],
    [
      'by hand shorter than the setting',
      { ...fresh, quarantinedAt: hours(-1), quarantineEndsAt: hours(1) },
      day,
      { by: 'setting', endsAt: hours(23) },
    ],
    [
      'by hand longer than the setting',
      { ...fresh, quarantinedAt: hours(-1), quarantineEndsAt: hours(48) },
      day,
      { by: 'administrator', endsAt: hours(48) },
    ],
    [
      'by hand for a while, setting without end',
      { ...fresh, quarantinedAt: hours(-1), quarantineEndsAt: hours(1) },
      'until-verified',
      { by: 'setting' },
    ],
  ];

  it.each(cases)('%s', (_, client, setting, quarantine) => {
    expect(findQuarantine(client, setting, now)).toEqual(quarantine);
  });

  it('lasts until the end it names, and no longer', () => {
    const instants = fc.integer({ min: -100, max: 100 }).map(hours);
    const clients = fc.record({
      kind: fc.constantFrom<QuarantinedClient['kind']>('manual', 'dynamic', 'document'),
      createdAt: instants,
      quarantinedAt: fc.option(instants, { nil: undefined }),
      quarantineEndsAt: fc.option(instants, { nil: undefined }),
    });
    const settings = fc.oneof(
      fc.constantFrom<QuarantineSetting>('off', 'until-verified'),
      fc.integer({ min: 1, max: 500_000 }).map((seconds) => ({ seconds })),
    );
    fc.assert(
      fc.property(clients, settings, ({ quarantinedAt, quarantineEndsAt, ...rest }, setting) => {
        const client = { ...rest, ...(quarantinedAt && { quarantinedAt }), ...(quarantineEndsAt && { quarantineEndsAt }) };
        const endsAt = findQuarantine(client, setting, now)?.endsAt;
        if (!endsAt) return;
        expect(endsAt > now).toBe(true);
        expect(findQuarantine(client, setting, new Date(endsAt.getTime() - 1))).toBeDefined();
        expect(findQuarantine(client, setting, endsAt)).toBeUndefined();
      }),
      runs,
    );
  });
});

describe('a quarantine by hand of a client that becomes another one', () => {
  it.each<[string, Partial<QuarantinedClient>, ReturnType<typeof restartQuarantine>]>([
    [
      'that lasts: as long once more',
      { quarantinedAt: hours(-1), quarantineEndsAt: hours(2) },
      { quarantinedAt: now, quarantineEndsAt: hours(3) },
    ],
    [
      'that is over: likewise',
      { quarantinedAt: hours(-9), quarantineEndsAt: hours(-5) },
      { quarantinedAt: now, quarantineEndsAt: hours(4) },
    ],
    ['without an end: it goes on as it is', { quarantinedAt: hours(-9) }, undefined],
    ['that never was, or was ended by a verification', { verifiedAt: hours(-2) }, undefined],
  ])('%s', (_, client, restarted) => {
    expect(restartQuarantine({ ...fresh, ...client }, now)).toEqual(restarted);
  });
});

describe('the setting', () => {
  it.each(['off', 'until-verified', '30s', '12h', '7d', '365d'])('is written %s', (text) => {
    const read = quarantineForm.read(text);
    if ('problem' in read) throw new Error(read.problem);
    expect(quarantineForm.spell(read.value)).toBe(text);
  });

  it.each(['', 'on', '0d', '366d', '7', '7 d', '-1d', '1w', '1.5h', '9999999d'])('is not %j', (text) => {
    expect(quarantineForm.read(text)).toEqual({ problem: expect.stringContaining(JSON.stringify(text)) });
  });

  it('a duration comes back as it was, in the largest unit', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 999_999 }), (seconds) => expect(parseDuration(spellDuration(seconds))).toBe(seconds)));
    expect(spellDuration(86_400)).toBe('1d');
  });
});
