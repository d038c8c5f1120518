import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type AccessError, createVerifier, type VerifierOptions } from '../../../src/resource-server/index.ts';
import { createStatusList } from '../../../src/resource-server/status-list.ts';
import { FakeIssuer, ISSUER, makeKey, RESOURCE } from '../../resource-server/fake-issuer.ts';

const key = await makeKey('key-1');

function setUp(options: Partial<VerifierOptions> = {}) {
  let nowMs = Date.parse('2026-11-23T12:00:00Z');
  const now = () => new Date(nowMs);
  const issuer = new FakeIssuer({ key, now });
  const verifier = createVerifier({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch, now, ...options });
  const passSeconds = (seconds: number) => {
    nowMs += seconds * 1000;
  };
  return { issuer, verifier, passSeconds };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'good',
    (error: unknown) => (error as AccessError).code,
  );
}

describe('a status list', () => {
  it('has the status of each index where the specification puts it', () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 2, 4, 8), fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.nat(), (bits, bytes, any) => {
        const list = createStatusList(bytes, bits);
        const index = any % list.length;
        const bit = index * bits;
        let expected = 0;
        for (let offset = 0; offset < bits; offset += 1) {
          const at = bit + offset;
          expected |= ((((bytes[at >> 3] ?? 0) >> (at & 7)) & 1) as number) << offset;
        }
        return list.statusAt(index) === expected;
      }),
    );
  });

  it('reads the example of the specification (draft-ietf-oauth-status-list §4.1)', () => {
    const list = createStatusList(Uint8Array.of(0xb9, 0xa3), 1);
    expect(Array.from({ length: 16 }, (_, index) => list.statusAt(index))).toEqual([1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]);
    expect(() => list.statusAt(16)).toThrow(RangeError);
  });
});

describe('ABUSE-61: revocation by status list', () => {
  it('is believed within ten seconds of the list’s age, also for a token that is remembered', async () => {
    const { issuer, verifier, passSeconds } = setUp();
    const token = await issuer.token();
    await verifier.verifyToken(token);
    expect(await verifier.verifyToken(token)).toBe(await verifier.verifyToken(token));
    issuer.revoked.add(7);
    passSeconds(10);
    expect(await codeOf(verifier.verifyToken(token))).toBe('good');
    expect(issuer.count('/status/')).toBe(1);
    passSeconds(1);
    expect(await codeOf(verifier.verifyToken(token))).toBe('invalid_token');
    expect(issuer.count('/status/')).toBe(2);
  });

  it('is not put off by a clock that is set back: a list of unknown age is fetched again', async () => {
    const { issuer, verifier, passSeconds } = setUp();
    const token = await issuer.token();
    await verifier.verifyToken(token);
    issuer.revoked.add(7);
    passSeconds(-1_000);
    expect(await codeOf(verifier.verifyToken(token))).toBe('invalid_token');
    issuer.isDown = true;
    passSeconds(-100);
    expect(await codeOf(verifier.verifyToken(token))).toBe('invalid_token');
    passSeconds(-300);
    expect(await codeOf(verifier.verifyToken(token))).toBe('temporarily_unavailable');
  });

  it('touches the revoked index alone', async () => {
    const { issuer, verifier } = setUp();
    issuer.revoked.add(7);
    const neighbours = [6, 8, 15, 0].map((idx) => issuer.token({ status: { status_list: { idx, uri: `${ISSUER}/status/0` } } }));
    for (const token of await Promise.all(neighbours)) expect(await codeOf(verifier.verifyToken(token))).toBe('good');
    expect(await codeOf(verifier.verifyToken(await issuer.token()))).toBe('invalid_token');
  });

  it('100 verifications at once share one fetch, on a cold start and on a stale list', async () => {
    const { issuer, verifier, passSeconds } = setUp();
    const tokens = await Promise.all(Array.from({ length: 100 }, () => issuer.token()));
    await Promise.all(tokens.map((token) => verifier.verifyToken(token)));
    expect([issuer.count('oauth-authorization-server'), issuer.count('/jwks'), issuer.count('/status/')]).toEqual([1, 1, 1]);
    passSeconds(11);
    await Promise.all(tokens.map((token) => verifier.verifyToken(token)));
    expect(issuer.count('/status/')).toBe(2);
  });

  it('the last good list serves until it is five minutes old; then nobody can say, which is not a bad token', async () => {
    const { issuer, verifier, passSeconds } = setUp();
    const token = await issuer.token();
    await verifier.verifyToken(token);
    issuer.isDown = true;
    passSeconds(300);
    expect(await codeOf(verifier.verifyToken(token))).toBe('good');
    passSeconds(1);
    expect(await codeOf(verifier.verifyToken(token))).toBe('temporarily_unavailable');
    issuer.isDown = false;
    passSeconds(3);
    expect(await codeOf(verifier.verifyToken(token))).toBe('good');
  });

  it('how old is configurable', async () => {
    const { issuer, verifier, passSeconds } = setUp({ statusFreshSeconds: 1, statusUsableSeconds: 30 });
    const token = await issuer.token();
    await verifier.verifyToken(token);
    passSeconds(2);
    await verifier.verifyToken(token);
    expect(issuer.count('/status/')).toBe(2);
    issuer.isDown = true;
    passSeconds(31);
    expect(await codeOf(verifier.verifyToken(token))).toBe('temporarily_unavailable');
  });

  it('while the issuer is away, it is asked again every two seconds, not for every call', async () => {
    const { issuer, verifier, passSeconds } = setUp();
    const token = await issuer.token();
    await verifier.verifyToken(token);
    issuer.isDown = true;
    passSeconds(60);
    for (let call = 0; call < 50; call += 1) expect(await codeOf(verifier.verifyToken(token))).toBe('good');
    expect(issuer.count('/status/')).toBe(2);
    passSeconds(3);
    await verifier.verifyToken(token);
    expect(issuer.count('/status/')).toBe(3);
  });

  it('what was revoked stays revoked while the issuer is away', async () => {
    const { issuer, verifier, passSeconds } = setUp();
    const token = await issuer.token();
    issuer.revoked.add(7);
    expect(await codeOf(verifier.verifyToken(token))).toBe('invalid_token');
    issuer.isDown = true;
    passSeconds(120);
    expect(await codeOf(verifier.verifyToken(token))).toBe('invalid_token');
  });

  const elsewhere = { sub: `${ISSUER}/status/1` };
  it.each<[string, (issuer: FakeIssuer) => Promise<string>]>([
    ['of another URI', (issuer) => issuer.statusListToken(elsewhere)],
    ['of another issuer', (issuer) => issuer.statusListToken({ iss: 'https://evil.example' })],
    ['expired', (issuer) => issuer.statusListToken({ exp: 1_700_000_000 })],
    ['an access token', (issuer) => issuer.token()],
    ['of the wrong type', (issuer) => issuer.statusListToken({}, { typ: 'JWT' })],
    ['by another key', async (issuer) => issuer.statusListToken({}, { key: await makeKey('key-1') })],
    ['without bits', (issuer) => issuer.statusListToken({ status_list: { lst: 'eJw' } })],
    ['with odd bits', (issuer) => issuer.statusListToken({ status_list: { bits: 3, lst: 'eJw' } })],
    ['that does not inflate', (issuer) => issuer.statusListToken({ status_list: { bits: 1, lst: 'AAAA' } })],
    ['not a JWT', async () => 'hello'],
  ])('a list %s is no list', async (_name, make) => {
    const { issuer, verifier } = setUp();
    const body = await make(issuer);
    issuer.instead.set('/status/0', () => new Response(body));
    expect(await codeOf(verifier.verifyToken(await issuer.token()))).toBe('temporarily_unavailable');
  });

  it('a list that inflates without end is cut off', async () => {
    const { issuer, verifier } = setUp();
    issuer.statusListBits = 8 * 64 * 1024 * 1024;
    expect(await codeOf(verifier.verifyToken(await issuer.token()))).toBe('temporarily_unavailable');
  });
});
