import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import * as forms from '../../../src/config/forms.ts';
import { settings } from '../../../src/config/settings.ts';

const accepts = (form: ReturnType<typeof forms.host>, text: string) => form.safeParse(text).success;

describe('the issuer URL', () => {
  it.each([
    'http://localhost:4000',
    'https://auth.example.com',
    'https://auth.example.com/base',
    'http://127.0.0.1:4000',
    'http://[::1]:4000',
  ])('accepts %s', (url) => {
    expect(forms.issuerUrl().parse(url).href.replace(/\/$/, '')).toBe(url);
  });

  it.each([
    ['http://auth.example.com', 'plain http'],
    ['http://10.0.0.1:4000', 'plain http'],
    ['http://localhost.evil.example', 'plain http'],
    ['https://auth.example.com/', 'write https://auth.example.com'],
    ['https://auth.example.com/base/', 'write https://auth.example.com/base'],
    ['https://AUTH.example.com', 'write https://auth.example.com'],
    ['https://auth.example.com:443', 'write https://auth.example.com'],
    ['https://auth.example.com/a/../b', 'write https://auth.example.com/b'],
    ['https://auth.example.com\\b', 'write https://auth.example.com/b'],
    ['https://auth.example.com?x=1', 'a query or a fragment'],
    ['https://auth.example.com?', 'a query or a fragment'],
    ['https://auth.example.com#', 'a query or a fragment'],
    ['https://user:pass@auth.example.com', 'a user name or password'],
    ['auth.example.com', 'not an http or https URL'],
    ['ftp://auth.example.com', 'not an http or https URL'],
    ['https://', 'not an http or https URL'],
  ])('MCP-4, MCP-8: refuses %s', (url, problem) => {
    const parsed = forms.issuerUrl().safeParse(url);
    expect(parsed.error?.issues[0]?.message).toContain(problem);
  });
});

describe('durations', () => {
  it('are read in seconds, minutes, hours and days', () => {
    const form = forms.duration({ min: '0s', max: '365d' });
    expect(['0s', '30s', '15m', '12h', '30d'].map((text) => form.parse(text))).toEqual([0, 30, 900, 43_200, 2_592_000]);
  });

  it.each(['', '30', '30 s', '-1s', '1w', '1.5h', '30S', '366d', '1e3s', '9999999s'])('refuse "%s"', (text) => {
    expect(accepts(forms.duration({ min: '0s', max: '365d' }) as never, text)).toBe(false);
  });
});

describe('whole numbers', () => {
  it.each(['', '0', '11', '1.0', '0x5', '1e1', ' 5', '-5', 'five', '99999999999999999999'])(
    'refuse "%s" where 1 to 10 is asked',
    (text) => {
      expect(accepts(forms.wholeNumber({ min: 1, max: 10 }) as never, text)).toBe(false);
    },
  );
});

describe('hosts', () => {
  it.each(['127.0.0.1', '0.0.0.0', '::', '[::1]', 'localhost', 'auth.internal'])('accept %s', (text) => {
    expect(forms.host().parse(text)).toBe(text.replace(/[[\]]/g, ''));
  });

  it.each(['', '127.0.0.1:4000', '256.0.0.1', 'http://localhost', 'a b', '-a', '10.0.0'])('refuse "%s"', (text) => {
    expect(accepts(forms.host(), text)).toBe(false);
  });
});

describe('networks', () => {
  it('accept addresses and CIDR, IPv4 and IPv6', () => {
    expect(forms.networks().parse('10.0.0.0/8, 192.168.1.7,fd00::/8,::1')).toEqual(['10.0.0.0/8', '192.168.1.7', 'fd00::/8', '::1']);
  });

  it.each([
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0/8',
    '::/129',
    'proxy.internal',
    '10.0.0.0/8,',
    '10.0.0.0/8/8',
    'fe80::1%eth0',
    '10.0.0.0/08x',
  ])('ABUSE-57: refuse %s', (text) => {
    expect(accepts(forms.networks() as never, text)).toBe(false);
  });
});

describe('keys', () => {
  it('are read from base64url, base64 and hex alike', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 255 }), { minLength: 32, maxLength: 64 }), (numbers) => {
        const bytes = Buffer.from(numbers);
        for (const encoding of ['base64url', 'base64', 'hex'] as const) {
          expect(forms.key().parse(bytes.toString(encoding))).toBe(bytes.toString('base64url'));
        }
      }),
    );
  });

  it.each([
    ['correct horse battery staple, correct horse', 'neither base64url nor hex'],
    ['c2hvcnQ', 'holds 5 bytes'],
    ['0'.repeat(64), 'does not look random'],
    ['abcd'.repeat(16), 'does not look random'],
    ['password'.repeat(8), 'does not look random'],
  ])('refuse "%s"', (text, problem) => {
    expect(forms.key().safeParse(text).error?.issues[0]?.message).toContain(problem);
  });
});

describe('URLs that may hold a password', () => {
  it.each([
    'postgres://user:pass@db.example.com/toolgrant',
    'postgresql://db.example.com:5432/toolgrant?sslmode=verify-full',
    'postgres:///toolgrant?host=/var/run/postgresql',
  ])('accept %s', (url) => {
    expect(forms.secretUrl('postgres', 'postgresql').parse(url)).toBe(url);
  });

  it.each(['mysql://user:hunter2@db/toolgrant', 'postgres://user:hunter2@:5432', 'postgres:user:hunter2', 'host=db password=hunter2'])(
    'ABUSE-74: refuse %s without repeating it',
    (url) => {
      const message = forms.secretUrl('postgres', 'postgresql').safeParse(url).error?.issues[0]?.message;
      expect(message).toBe('is not a URL that begins with postgres:// or postgresql://');
    },
  );
});

describe('every setting', () => {
  it.each(Object.values(settings))('$name: its example and its default pass', (setting) => {
    expect(setting.schema.safeParse(setting.example).success).toBe(true);
    if ('default' in setting) expect(setting.schema.safeParse(setting.default).success).toBe(true);
  });

  it.each(Object.values(settings))('$name: says what happens without it', (setting) => {
    expect('default' in setting !== 'absent' in setting).toBe(true);
  });
});
