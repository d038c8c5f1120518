/** Client assertions by chance: what is wrong in any way, or in several, lets nobody in, and nothing breaks. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type AssertionOptions, byAssertion, type ClientKey, makeClientKey, signAssertion } from '../support/client-assertion.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { postForm, registerTestClient, type TestClient } from '../support/oauth-client.ts';

let issuer: TestIssuer;
let tenant: TestIssuer;
let key: ClientKey;
let strange: ClientKey;
let client: TestClient;

beforeAll(async () => {
  issuer = await startIssuer();
  tenant = await issuer.addTenant('beside');
  [key, strange] = [await makeClientKey(), await makeClientKey()];
  const metadata = { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key.publicJwk] } };
  client = await registerTestClient(issuer, metadata);
});
afterAll(() => issuer.stop());

const now = () => Math.floor(Date.now() / 1_000);

/** What may be so or so in a good one. */
const good = fc.record({
  aud: fc.constantFrom(
    () => issuer.url as unknown,
    () => `${issuer.url}/token`,
    () => [`${issuer.url}/token`, issuer.url],
  ),
  aheadSeconds: fc.integer({ min: 30, max: 590 }),
  typ: fc.constantFrom(undefined, 'JWT', 'jwt', 'client-authentication+jwt'),
  more: fc.dictionary(fc.stringMatching(/^x_[a-z]{1,8}$/), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 }),
});

type Wrong = [what: string, options: () => AssertionOptions];

/** Each of these is wrong by itself. */
const wrongs: Wrong[] = [
  ...['https://other.example', [], {}, 5, null, undefined].map((aud): Wrong => [`aud ${String(aud)}`, () => ({ claims: { aud } })]),
  ['aud in capitals', () => ({ claims: { aud: issuer.url.toUpperCase() } })],
  ['aud with a slash', () => ({ claims: { aud: `${issuer.url}/` } })],
  ['aud of two', () => ({ claims: { aud: [issuer.url, 'https://other.example'] } })],
  ['aud of a tenant beside', () => ({ claims: { aud: tenant.url } })],
  ...['iss', 'sub'].flatMap((name): Wrong[] =>
    ['cli_other', '', 5, null, undefined, {}].map((value): Wrong => [`${name} ${String(value)}`, () => ({ claims: { [name]: value } })]),
  ),
  ['iss in capitals', () => ({ claims: { iss: client.clientId.toUpperCase() } })],
  ...[-1, 0, 1e15, 1e308, '9999999999', null, undefined, true, [1]].map(
    (exp): Wrong => [`exp ${String(exp)}`, () => ({ claims: { exp } })],
  ),
  ['exp just over', () => ({ claims: { exp: now() - 30 } })],
  ['exp too far', () => ({ claims: { exp: now() + 660 } })],
  ['nbf to come', () => ({ claims: { nbf: now() + 300 } })],
  ['nbf a text', () => ({ claims: { nbf: 'now' } })],
  ...[5, {}, [], true, null, undefined, 'x'.repeat(513)].map(
    (jti): Wrong => [`jti ${String(jti).slice(0, 9)}`, () => ({ claims: { jti } })],
  ),
  ...['at+jwt', 'dpop+jwt', 5, {}, ''].map((typ): Wrong => [`typ ${String(typ)}`, () => ({ header: { typ } })]),
  ['its own key', () => ({ header: { jwk: strange.publicJwk }, signWith: strange.privateKey })],
  ['a place of keys', () => ({ header: { jku: 'https://evil.example/jwks' } })],
  ['certificates', () => ({ header: { x5c: ['MIIB'] } })],
  ['critical', () => ({ header: { crit: ['x'], x: 1 } })],
  ['another kid', () => ({ header: { kid: strange.publicJwk.kid } })],
  ['another key', () => ({ signWith: strange.privateKey })],
];

async function present(assertion: string, at: TestIssuer = issuer) {
  const answer = await postForm(at, '/token', { grant_type: 'refresh_token', refresh_token: 'none', ...byAssertion(assertion) });
  return { status: answer.status, error: answer.json().error };
}

const letIn = { status: 400, error: 'invalid_grant' };

const make = ({ aud, aheadSeconds, typ, more }: typeof good extends fc.Arbitrary<infer T> ? T : never, changes: readonly Wrong[]) => {
  const options = changes.map(([, of]) => of());
  const claims = Object.assign({ ...more, aud: aud(), exp: now() + aheadSeconds }, ...options.map((one) => one.claims ?? {}));
  const header = Object.assign(typ === undefined ? {} : { typ }, ...options.map((one) => one.header ?? {}));
  const signWith = options.find((one) => one.signWith)?.signWith;
  return signAssertion({ clientId: client.clientId, issuer: issuer.url, key }, { claims, header, ...(signWith && { signWith }) });
};

describe('ABUSE-45, ABUSE-86: assertions by chance', () => {
  it('good ones let the client in once, and at no other tenant', async () => {
    await fc.assert(
      fc.asyncProperty(good, async (terms) => {
        const assertion = await make(terms, []);
        expect((await present(assertion, tenant)).status).toBe(401);
        expect(await present(assertion)).toEqual(letIn);
        expect((await present(assertion)).status).toBe(401);
      }),
      { numRuns: 40 },
    );
  });

  it('each that is wrong in one way lets nobody in', async () => {
    for (const wrong of wrongs) {
      const [terms] = fc.sample(good, 1);
      if (!terms) throw new Error('there is no sample');
      const { status } = await present(await make(terms, [wrong]));
      // Without a client that it names, it is a request without one.
      expect([wrong[0], status === 401 || (status === 400 && /^(iss|sub)/.test(wrong[0]))]).toEqual([wrong[0], true]);
    }
  });

  it('nor does one that is wrong in several', async () => {
    await fc.assert(
      fc.asyncProperty(good, fc.subarray(wrongs, { minLength: 2, maxLength: 4 }), async (terms, changes) => {
        const answer = await present(await make(terms, changes));
        expect([400, 401]).toContain(answer.status);
        expect(answer).not.toEqual(letIn);
      }),
      { numRuns: 120 },
    );
  });

  it('nor one that was tampered with, in whichever place, or is of another size or spelling', async () => {
    const tampering = fc.oneof(
      fc.record({ kind: fc.constant('flip' as const), at: fc.nat(), to: fc.constantFrom(...'AZaz09-_.=+/ \u0000é') }),
      fc.record({ kind: fc.constant('cut' as const), at: fc.nat() }),
      fc.record({ kind: fc.constant('grow' as const), by: fc.integer({ min: 1, max: 60_000 }), part: fc.nat({ max: 2 }) }),
      fc.record({ kind: fc.constant('payload' as const), json: fc.oneof(fc.json(), fc.string({ unit: 'binary' })) }),
    );
    await fc.assert(
      fc.asyncProperty(good, tampering, async (terms, how) => {
        const assertion = await make(terms, []);
        const parts = assertion.split('.');
        const signature = assertion.lastIndexOf('.');
        const tampered = (() => {
          switch (how.kind) {
            case 'flip': {
              // The last character of a signature has bits that mean nothing.
              const at = how.at % (assertion.length - 1);
              return assertion[at] === how.to ? '' : assertion.slice(0, at) + how.to + assertion.slice(at + 1);
            }
            case 'cut':
              return assertion.slice(0, how.at % signature);
            case 'grow':
              return parts.map((part, index) => (index === how.part ? part + 'A'.repeat(how.by) : part)).join('.');
            case 'payload':
              return [parts[0], Buffer.from(how.json).toString('base64url'), parts[2]].join('.');
          }
        })();
        const answer = await present(tampered);
        expect([400, 401, 413]).toContain(answer.status);
        expect(answer).not.toEqual(letIn);
      }),
      { numRuns: 150 },
    );
  });
});
