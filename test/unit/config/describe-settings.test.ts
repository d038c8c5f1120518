import { describe, expect, it } from '@jest/globals';
import { describeSettings } from '../../../src/config/describe-settings.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { settings } from '../../../src/config/settings.ts';

const secret = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7)).toString('base64url');

function described(env: Record<string, string>) {
  const rows = describeSettings(env, loadConfig(env));
  return { rows, of: (name: string) => rows.find((row) => row.name === name) };
}

describe('settings as an operator knows them', () => {
  it('are all there, by their names', () => {
    expect(described({}).rows.map(({ name }) => name)).toEqual(Object.values(settings).map(({ name }) => name));
  });

  it('say what was given, what is the default, and what follows from another one', () => {
    const { of } = described({ TOOLGRANT_PORT: ' 4100 ', TOOLGRANT_LOG_LEVEL: 'warn' });
    expect(of('TOOLGRANT_LOG_LEVEL')).toMatchObject({ value: 'warn', isGiven: true });
    expect(of('TOOLGRANT_PORT')).toMatchObject({ value: '4100', isGiven: true });
    expect(of('TOOLGRANT_ISSUER')).toMatchObject({ value: 'http://localhost:4100', isGiven: false });
    expect(of('TOOLGRANT_ACCESS_TOKEN_LIFETIME')).toMatchObject({ value: '15m', isGiven: false });
    expect(of('TOOLGRANT_HOST')).toMatchObject({ value: 'loopback, IPv4 and IPv6', isGiven: false });
  });

  it('ABUSE-74: of a secret, only whether it is there', () => {
    const { rows, of } = described({ DATABASE_URL: 'postgres://u:hidden@db/t', TOOLGRANT_SECRET: secret });
    expect(of('DATABASE_URL')).toMatchObject({ value: 'set', isGiven: true });
    expect(of('TOOLGRANT_METRICS_TOKEN')).toMatchObject({ value: 'not set', isGiven: false });
    expect(JSON.stringify(rows)).not.toMatch(new RegExp(`hidden|${secret}`));
  });
});
