import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isApiKey, spellApiKey } from '../../../src/resource-server/api-key-form.ts';
import { AccessError, createVerifier, type VerifierOptions } from '../../../src/resource-server/index.ts';
import { FakeIssuer, ISSUER, makeKey, RESOURCE } from '../../resource-server/fake-issuer.ts';

const signingKey = await makeKey('key-1');
const KEY = spellApiKey('A'.repeat(38));
const OTHER_KEY = spellApiKey('B'.repeat(38));

/** A fake issuer that knows one API key, and a verifier with a credential, on one movable clock. */
function setUp(options: Partial<VerifierOptions> = {}) {
  let nowMs = Date.parse('2026-11-23T12:00:00Z');
  const now = () => new Date(nowMs);
  const issuer = new FakeIssuer({ key: signingKey, now });
  const good = {
    active: true,
    iss: ISSUER,
    aud: RESOURCE,
    sub: 'svc_1',
    client_id: 'key_1',
    jti: 'key_1',
    scope: 'tool:list_issues',
    exp: Math.floor(nowMs / 1000) + 3600,
  };
  issuer.introspections.set(KEY, good);
  const verifier = createVerifier({ issuer: ISSUER, resource: RESOURCE, credential: 'srv_1:secret', fetch: issuer.fetch, now, ...options });
  return {
    issuer,
    good,
    verifier,
    questions: () => issuer.count('/introspect'),
    passSeconds: (seconds: number) => {
      nowMs += seconds * 1000;
    },
  };
}

async function refusalOf(promise: Promise<unknown>): Promise<AccessError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof AccessError)) throw new Error(`Expected an AccessError, got ${String(error)}.`, { cause: error });
  return error;
}

describe('a good API key', () => {
  it('ABUSE-63: tells who, which key, which tools, through the same door as a token', async () => {
    const { verifier, issuer } = setUp();
    const access = await verifier.verify(`Bearer ${KEY}`);
    expect(access).toMatchObject({ subject: 'svc_1', clientId: 'key_1', tokenId: 'key_1', consentId: undefined, tools: ['list_issues'] });
    expect([access.allows('list_issues'), access.allows('delete_issue')]).toEqual([true, false]);
    const [asked] = issuer.posted.filter(({ path }) => path === '/introspect');
    expect(asked?.authorization).toBe(`Basic ${btoa('srv_1:secret')}`);
    expect(new URLSearchParams(asked?.body).get('token')).toBe(KEY);
  });

  it('is asked about once by any number of callers, and not again for ten seconds', async () => {
    const { verifier, questions, passSeconds } = setUp();
    const all = await Promise.all(Array.from({ length: 50 }, () => verifier.verify(`Bearer ${KEY}`)));
    passSeconds(9.9);
    expect(all).toContain(await verifier.verifyToken(KEY));
    expect(questions()).toBe(1);
    passSeconds(0.2);
    await verifier.verifyToken(KEY);
    expect(questions()).toBe(2);
  });

  it('ABUSE-63: once revoked or narrowed, is refused or narrower within 15 seconds', async () => {
    const { verifier, issuer, good, passSeconds } = setUp();
    await verifier.verifyToken(KEY);
    issuer.introspections.set(KEY, { ...good, scope: '' });
    passSeconds(15);
    expect((await verifier.verifyToken(KEY)).tools).toEqual([]);
    issuer.introspections.delete(KEY);
    passSeconds(15);
    expect(await refusalOf(verifier.verifyToken(KEY))).toMatchObject({ code: 'invalid_token', reason: 'inactive' });
  });

  it('ABUSE-63: with introspection of everything, a revoked one is refused at once', async () => {
    const { verifier, issuer } = setUp({ introspection: 'always' });
    await verifier.verifyToken(KEY);
    issuer.introspections.delete(KEY);
    expect(await refusalOf(verifier.verifyToken(KEY))).toMatchObject({ code: 'invalid_token', reason: 'inactive' });
  });

  it('counts no longer than it lives, and not longer because a clock was set back', async () => {
    const { verifier, issuer, good, questions, passSeconds } = setUp();
    issuer.introspections.set(KEY, { ...good, exp: good.exp - 3597 });
    await verifier.verifyToken(KEY);
    passSeconds(9);
    expect(await refusalOf(verifier.verifyToken(KEY))).toMatchObject({ code: 'invalid_token', reason: 'expired' });
    issuer.introspections.set(KEY, good);
    await verifier.verifyToken(OTHER_KEY).catch(() => undefined);
    passSeconds(2);
    await verifier.verifyToken(KEY);
    const before = questions();
    passSeconds(-60);
    await verifier.verifyToken(KEY);
    expect(questions()).toBe(before + 1);
  });
});

describe('a bad API key', () => {
  it('ABUSE-63: is refused for a second without the issuer being asked again, and no longer', async () => {
    const { verifier, issuer, good, questions, passSeconds } = setUp();
    const refusals = await Promise.all(Array.from({ length: 20 }, () => refusalOf(verifier.verifyToken(OTHER_KEY))));
    expect(refusals.every(({ code }) => code === 'invalid_token')).toBe(true);
    passSeconds(0.9);
    await refusalOf(verifier.verifyToken(OTHER_KEY));
    expect(questions()).toBe(1);
    issuer.introspections.set(OTHER_KEY, good);
    passSeconds(0.1);
    expect((await verifier.verifyToken(OTHER_KEY)).subject).toBe('svc_1');
  });

  it('ABUSE-63: for another server, of another issuer, without an end: refused, whatever the issuer says', async () => {
    const { verifier, issuer, good, passSeconds } = setUp();
    for (const [reason, wrong] of [
      ['audience', { aud: 'http://localhost:4002/mcp' }],
      ['issuer', { iss: 'https://evil.example' }],
      ['expired', { exp: undefined }],
      ['expired', { exp: 1 }],
      ['claims', { sub: undefined }],
      ['sender_constrained', { cnf: { jkt: 'x' } }],
    ] as const) {
      issuer.introspections.set(OTHER_KEY, { ...good, ...wrong });
      expect(await refusalOf(verifier.verifyToken(OTHER_KEY))).toMatchObject({ code: 'invalid_token', reason });
      passSeconds(2);
    }
  });

  it('costs the issuer nothing when it is mistyped', async () => {
    const { verifier, issuer } = setUp();
    const bad = [`${KEY}x`, KEY.slice(0, -1), KEY.replace('AAAA', 'AAAB'), KEY.toLowerCase(), 'tgk_', 'tgk_short'];
    for (const key of bad) expect(await refusalOf(verifier.verifyToken(key))).toMatchObject({ code: 'invalid_token', reason: 'malformed' });
    expect(issuer.count('/introspect')).toBe(0);
  });

  it('ABUSE-56: made-up ones reach the issuer a hundred at a time at most; the others are told to try again', async () => {
    const { verifier, questions } = setUp();
    const madeUp = Array.from({ length: 300 }, (_, index) => spellApiKey(String(index).padStart(38, '0')));
    const refusals = await Promise.all(madeUp.map((key) => refusalOf(verifier.verifyToken(key))));
    expect(questions()).toBe(100);
    expect(refusals.filter(({ code }) => code === 'temporarily_unavailable').length).toBe(200);
    expect((await verifier.verifyToken(KEY)).subject).toBe('svc_1');
  });
});

describe('when nobody can say', () => {
  it('is no fault of the key: 503, and asked again', async () => {
    const { verifier, issuer, passSeconds } = setUp();
    await verifier.verifyToken(KEY);
    passSeconds(11);
    issuer.isDown = true;
    expect((await refusalOf(verifier.verifyToken(KEY))).code).toBe('temporarily_unavailable');
    issuer.isDown = false;
    issuer.instead.set('/introspect', () => new Response('{"error":"invalid_client"}', { status: 401 }));
    expect((await refusalOf(verifier.verifyToken(KEY))).code).toBe('temporarily_unavailable');
    issuer.instead.clear();
    expect((await verifier.verifyToken(KEY)).subject).toBe('svc_1');
  });

  it('a server without a credential refuses it, and its log says what to do', async () => {
    let asked = 0;
    const fetch = async () => {
      asked += 1;
      throw new TypeError('nobody is to be asked');
    };
    const verifier = createVerifier({ issuer: ISSUER, resource: RESOURCE, fetch });
    const error = await refusalOf(verifier.verify(`Bearer ${KEY}`));
    expect(error).toMatchObject({ code: 'invalid_token', reason: 'no_credential' });
    expect(error.message).toContain('give createVerifier the `credential`');
    expect(error.message).not.toContain(KEY);
    expect(asked).toBe(0);
  });
});

describe('the form of a key', () => {
  it('is one that scanners find, and that a slip breaks', () => {
    const random = fc.stringMatching(/^[0-9A-Za-z]{38}$/);
    fc.assert(
      fc.property(
        random,
        fc.nat(43),
        fc.constantFrom(...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'),
        (text, at, other) => {
          const key = spellApiKey(text);
          expect(key).toMatch(/^tgk_[0-9A-Za-z]{44}$/);
          const place = 'tgk_'.length + at;
          const slipped = key.slice(0, place) + other + key.slice(place + 1);
          return isApiKey(key) && (slipped === key || !isApiKey(slipped));
        },
      ),
    );
  });

  it('has the checksum that docs/api-keys.md describes', () => {
    // By Python: zlib.crc32(b'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZab') is 0x351c6bd2, which is 0yIm7m to the base of 62.
    expect(spellApiKey('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZab')).toBe('tgk_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZab0yIm7m');
  });
});
