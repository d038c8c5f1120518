import { describe, expect, it } from '@jest/globals';
import { base64url, SignJWT } from 'jose';
import { AccessError, createVerifier, type VerifierOptions } from '../../../src/resource-server/index.ts';
import { FakeIssuer, ISSUER, makeKey, RESOURCE } from '../../resource-server/fake-issuer.ts';

const key = await makeKey('key-1');
const otherKey = await makeKey('key-1');

/** A fake issuer and a verifier on one movable clock. */
function setUp(options: Partial<VerifierOptions> = {}) {
  let nowMs = Date.parse('2026-11-23T12:00:00Z');
  const now = () => new Date(nowMs);
  const issuer = new FakeIssuer({ key, now });
  const verifier = createVerifier({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch, now, ...options });
  return {
    issuer,
    verifier,
    passSeconds: (seconds: number) => {
      nowMs += seconds * 1000;
    },
  };
}

async function refusalOf(promise: Promise<unknown>): Promise<{ code: string; reason: string }> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof AccessError)) throw new Error(`Expected an AccessError, got ${String(error)}.`, { cause: error });
  return { code: error.code, reason: error.reason };
}

describe('a good token', () => {
  it('tells who, which client, which consent, which tools', async () => {
    const { issuer, verifier } = setUp();
    const access = await verifier.verify(`Bearer ${await issuer.token({ jti: 'jti-1', scope: 'tool:a%20b tool:c resources openid' })}`);
    expect(access).toMatchObject({
      subject: 'usr_ada',
      clientId: 'client-1',
      consentId: 'cns_1',
      tokenId: 'jti-1',
      tools: ['a b', 'c'],
      scopes: ['tool:a%20b', 'tool:c', 'resources', 'openid'],
      allowsResources: true,
      allowsPrompts: false,
      allowsCatalogue: false,
      expiresAt: new Date('2026-11-23T12:15:00Z'),
    });
    expect(['a b', 'c', 'C', 'a', 'a%20b', ''].map((name) => access.allows(name))).toEqual([true, true, false, false, false, false]);
  });

  it('MCP-37: aggregates in a token allow no tool', async () => {
    const { issuer, verifier } = setUp();
    const access = await verifier.verifyToken(await issuer.token({ scope: 'tools tools.read tool:%zz' }));
    expect(access.tools).toEqual([]);
    expect(['tools', 'read', '%zz', 'list_issues'].some((name) => access.allows(name))).toBe(false);
  });

  it('is remembered when it comes again, without asking anybody', async () => {
    const { issuer, verifier } = setUp();
    const token = await issuer.token();
    const first = await verifier.verifyToken(token);
    const asked = issuer.asked.length;
    const second = await verifier.verifyToken(token);
    expect(second).not.toBe(first);
    expect(await verifier.verifyToken(token)).toBe(second);
    expect(issuer.asked.length).toBe(asked);
  });

  it('stays remembered whatever number of tokens come once: those are not', async () => {
    // Room enough for the few that the doorkeeper takes for known.
    const { issuer, verifier } = setUp({ maxSeenTokens: 50 });
    const token = await issuer.token();
    await verifier.verifyToken(token);
    const remembered = await verifier.verifyToken(token);
    for (let count = 0; count < 100; count += 1) await verifier.verifyToken(await issuer.token());
    expect(await verifier.verifyToken(token)).toBe(remembered);
    for (const other of await Promise.all(Array.from({ length: 50 }, () => issuer.token()))) {
      await verifier.verifyToken(other);
      await verifier.verifyToken(other);
    }
    expect(await verifier.verifyToken(token)).not.toBe(remembered);
  });

  it('is refused once it has expired, remembered or not', async () => {
    const { issuer, verifier, passSeconds } = setUp();
    const token = await issuer.token();
    await verifier.verifyToken(token);
    await verifier.verifyToken(token);
    passSeconds(904);
    expect(await verifier.verifyToken(token)).toMatchObject({ subject: 'usr_ada' });
    passSeconds(1);
    expect(await refusalOf(verifier.verifyToken(token))).toEqual({ code: 'invalid_token', reason: 'expired' });
    const soon = await issuer.token({ exp: Math.floor(issuer.now().getTime() / 1000) + 60 });
    await verifier.verifyToken(soon);
    await verifier.verifyToken(soon);
    passSeconds(65);
    expect(await refusalOf(verifier.verifyToken(soon))).toEqual({ code: 'invalid_token', reason: 'expired' });
  });

  it('needs no status: a token without the claim cannot be revoked, and lives as long as it lives', async () => {
    const { issuer, verifier } = setUp();
    await verifier.verifyToken(await issuer.token({ status: undefined }));
    expect(issuer.count('/status/')).toBe(0);
  });
});

describe('credentials', () => {
  it.each([
    [undefined, 'missing_token'],
    ['', 'missing_token'],
    ['Basic dXNlcjpwYXNz', 'missing_token'],
    ['DPoP abc', 'missing_token'],
    ['Bearer', 'invalid_token'],
    ['Bearer a b', 'invalid_token'],
    ['Bearer a,b', 'invalid_token'],
    ['Bearer not-a-jwt', 'invalid_token'],
    [`Bearer ${'a'.repeat(20_000)}`, 'invalid_token'],
  ])('%.20j → %s', async (header, code) => {
    expect((await refusalOf(setUp().verifier.verify(header))).code).toBe(code);
  });
});

describe('MCP-38: a token that was not issued for this server', () => {
  it.each([
    ['another issuer', { iss: 'https://evil.example' }, 'issuer'],
    ['the issuer with a slash', { iss: `${ISSUER}/` }, 'issuer'],
    ['ABUSE-59: another audience', { aud: 'http://localhost:4002/mcp' }, 'audience'],
    ['ABUSE-59: the audience with a slash', { aud: `${RESOURCE}/` }, 'audience'],
    ['ABUSE-59: no audience', { aud: undefined }, 'audience'],
    ['ABUSE-59: several audiences', { aud: [RESOURCE, 'http://localhost:4002/mcp'] }, 'audience'],
    ['expired', { exp: 1_700_000_000 }, 'expired'],
    ['not yet valid', { nbf: Date.parse('2026-11-23T12:01:00Z') / 1000 }, 'not_yet_valid'],
    ['no expiry', { exp: undefined }, 'expired'],
    ['no subject', { sub: undefined }, 'claims'],
    ['no client', { client_id: undefined }, 'claims'],
    ['a client that is no text', { client_id: 7 }, 'claims'],
    ['sender-constrained but presented as bearer', { cnf: { jkt: 'x' } }, 'sender_constrained'],
    ['a status list elsewhere', { status: { status_list: { idx: 0, uri: 'https://evil.example/status/0' } } }, 'status_reference'],
    ['a status list by traversal', { status: { status_list: { idx: 0, uri: `${ISSUER}/status/../jwks` } } }, 'status_reference'],
    ['a status whose list has no address', { status: { status_list: { idx: 0 } } }, 'status_reference'],
    ['a negative index', { status: { status_list: { idx: -1, uri: `${ISSUER}/status/0` } } }, 'status_reference'],
    ['an index beyond the list', { status: { status_list: { idx: 1024, uri: `${ISSUER}/status/0` } } }, 'status_reference'],
    ['a status that is none', { status: null }, 'status_reference'],
  ])('%s', async (_name, claims, reason) => {
    const { issuer, verifier } = setUp();
    expect(await refusalOf(verifier.verifyToken(await issuer.token(claims)))).toEqual({ code: 'invalid_token', reason });
    expect(issuer.asked.filter((url) => !url.startsWith(ISSUER))).toEqual([]);
  });

  it('accepts the last index of a list and reads unassigned ones as valid', async () => {
    const { issuer, verifier } = setUp();
    const status = { status_list: { idx: 1023, uri: `${ISSUER}/status/0` } };
    expect(await verifier.verifyToken(await issuer.token({ status }))).toMatchObject({ subject: 'usr_ada' });
  });
});

describe('ABUSE-56: forged tokens', () => {
  it.each([
    ['ID token', { typ: 'JWT' }, 'type'],
    ['no type', { typ: undefined }, 'type'],
    ['status list token', { typ: 'statuslist+jwt' }, 'type'],
    ['jku', { jku: 'https://evil.example/jwks' }, 'malformed'],
    ['x5u', { x5u: 'https://evil.example/cert' }, 'malformed'],
    ['x5c', { x5c: ['MII'] }, 'malformed'],
    ['embedded jwk', { jwk: otherKey.publicJwk }, 'malformed'],
    ['no kid', { kid: undefined }, 'unknown_key'],
    ['a critical extension', { crit: ['x'], x: 1 }, 'malformed'],
  ])('%s', async (_name, header, reason) => {
    const { issuer, verifier } = setUp();
    const token = await issuer.token({}, { header }).catch(() => unsignedBeyondHeader(header));
    expect(await refusalOf(verifier.verifyToken(token))).toEqual({ code: 'invalid_token', reason });
    expect(issuer.asked.filter((url) => !url.startsWith(ISSUER))).toEqual([]);
  });

  it('alg none', async () => {
    const { issuer, verifier } = setUp();
    const [, payload] = (await issuer.token()).split('.');
    const header = base64url.encode(JSON.stringify({ alg: 'none', typ: 'at+jwt', kid: 'key-1' }));
    expect((await refusalOf(verifier.verifyToken(`${header}.${payload}.`))).code).toBe('invalid_token');
  });

  it('HS256 with the public key as the secret', async () => {
    const { issuer, verifier } = setUp();
    const [, payload] = (await issuer.token()).split('.');
    const claims = JSON.parse(new TextDecoder().decode(base64url.decode(payload ?? ''))) as Record<string, unknown>;
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: 'key-1' })
      .sign(new TextEncoder().encode(JSON.stringify(key.publicJwk)));
    expect(await refusalOf(verifier.verifyToken(token))).toEqual({ code: 'invalid_token', reason: 'algorithm' });
  });

  it('another key under the same id', async () => {
    const { issuer, verifier } = setUp();
    const token = await issuer.token({}, { key: otherKey });
    expect(await refusalOf(verifier.verifyToken(token))).toEqual({ code: 'invalid_token', reason: 'signature' });
  });

  it('a payload changed after signing, of a token that is remembered', async () => {
    const { issuer, verifier } = setUp();
    const token = await issuer.token();
    await verifier.verifyToken(token);
    await verifier.verifyToken(token);
    const [header, , signature] = token.split('.');
    const payload = base64url.encode(JSON.stringify({ iss: ISSUER, aud: RESOURCE, scope: 'tool:delete_issue' }));
    expect((await refusalOf(verifier.verifyToken(`${header}.${payload}.${signature}`))).reason).toBe('signature');
  });

  it('a flood of random key ids makes the JWKS be fetched once more in ten seconds', async () => {
    const { issuer, verifier, passSeconds } = setUp();
    const unknown = async () => issuer.token({}, { header: { kid: `kid-${Math.random()}` } });
    await verifier.verifyToken(await issuer.token());
    passSeconds(11);
    const tokens = await Promise.all(Array.from({ length: 200 }, unknown));
    const refusals = await Promise.all(tokens.map((token) => refusalOf(verifier.verifyToken(token))));
    expect(refusals.every(({ reason }) => reason === 'unknown_key')).toBe(true);
    expect(issuer.count('/jwks')).toBe(2);
    passSeconds(11);
    await refusalOf(verifier.verifyToken(await unknown()));
    expect(issuer.count('/jwks')).toBe(3);
  });

  it.each([['HS256'], ['none'], ['ES256K'], ['dir']])('the option `algorithms` takes no %s', (algorithm) => {
    expect(() => createVerifier({ issuer: ISSUER, resource: RESOURCE, algorithms: [algorithm] })).toThrow(TypeError);
  });
});

describe('key rotation', () => {
  it('ABUSE-54: a new key is found when its first token comes, and old tokens stay good', async () => {
    const { issuer, verifier, passSeconds } = setUp();
    const old = await issuer.token();
    await verifier.verifyToken(old);
    passSeconds(60);
    issuer.keys = [await makeKey('key-2'), key];
    expect(await verifier.verifyToken(await issuer.token())).toMatchObject({ subject: 'usr_ada' });
    expect(await verifier.verifyToken(old)).toMatchObject({ subject: 'usr_ada' });
  });

  it('a key id that cannot be looked up is no reason to throw a token away', async () => {
    const { issuer, verifier, passSeconds } = setUp();
    await verifier.verifyToken(await issuer.token());
    passSeconds(60);
    issuer.isDown = true;
    const token = await issuer.token({}, { key: await makeKey('key-2') });
    expect((await refusalOf(verifier.verifyToken(token))).code).toBe('temporarily_unavailable');
  });

  it('EdDSA is taken, RS256 only when asked for', async () => {
    const edwards = await makeKey('ed', 'EdDSA');
    const rsa = await makeKey('rsa', 'RS256');
    const { issuer, verifier } = setUp();
    issuer.keys = [edwards, rsa];
    expect(await verifier.verifyToken(await issuer.token())).toMatchObject({ subject: 'usr_ada' });
    const token = await issuer.token({ status: undefined }, { key: rsa });
    expect((await refusalOf(verifier.verifyToken(token))).reason).toBe('algorithm');
    const lenient = createVerifier({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch, now: issuer.now, algorithms: ['RS256'] });
    expect(await lenient.verifyToken(token)).toMatchObject({ subject: 'usr_ada' });
  });
});

describe('metadata', () => {
  it('MCP-4: of another issuer is not believed, not even when it differs by a slash', async () => {
    const { issuer, verifier } = setUp();
    issuer.instead.set('/.well-known/oauth-authorization-server', () =>
      Response.json({ issuer: `${ISSUER}/`, jwks_uri: `${ISSUER}/jwks` }),
    );
    expect(await refusalOf(verifier.verifyToken(await issuer.token()))).toEqual({ code: 'temporarily_unavailable', reason: 'metadata' });
  });

  it('MCP-3: of an issuer with a path is at the path-inserted place', async () => {
    const issuer = new FakeIssuer({ key, issuer: `${ISSUER}/t/acme` });
    const verifier = createVerifier({ issuer: issuer.issuer, resource: RESOURCE, fetch: issuer.fetch });
    await verifier.verifyToken(await issuer.token());
    expect(issuer.asked[0]).toBe(`${ISSUER}/.well-known/oauth-authorization-server/t/acme`);
  });

  it.each([
    ['a redirect', () => new Response(null, { status: 302, headers: { location: 'https://evil.example' } })],
    ['not JSON', () => new Response('<html>')],
    ['an array', () => Response.json([])],
    ['plain http keys', () => Response.json({ issuer: ISSUER, jwks_uri: 'http://issuer.example/jwks' })],
    ['a megabyte', () => new Response(' '.repeat(1024 * 1024))],
    ['a server error', () => new Response(null, { status: 500 })],
  ])('%s → temporarily_unavailable', async (_name, answer) => {
    const { issuer, verifier } = setUp();
    issuer.instead.set('/.well-known/oauth-authorization-server', answer);
    expect((await refusalOf(verifier.verifyToken(await issuer.token()))).code).toBe('temporarily_unavailable');
    expect(issuer.asked).toHaveLength(1);
  });
});

describe('options that cannot be right', () => {
  it.each([
    { issuer: 'http://issuer.example', resource: RESOURCE },
    { issuer: 'issuer.example', resource: RESOURCE },
    { issuer: `${ISSUER}?x=1`, resource: RESOURCE },
    { issuer: ISSUER, resource: '/mcp' },
    { issuer: ISSUER, resource: `${RESOURCE}#x` },
    { issuer: ISSUER, resource: RESOURCE, introspection: 'always' as const },
    { issuer: ISSUER, resource: RESOURCE, credential: 'srv_1' },
  ])('%j', (options) => {
    expect(() => createVerifier(options)).toThrow(TypeError);
  });
});

describe('selections', () => {
  it('tools.listed: the names come from the document, fetched once for any number of tokens', async () => {
    const { issuer, verifier } = setUp();
    const selection = issuer.select(['list_issues', 'delete_issue']);
    const tokens = await Promise.all(Array.from({ length: 20 }, () => issuer.token({ scope: 'tools.listed prompts', selection })));
    const all = await Promise.all(tokens.map((token) => verifier.verifyToken(token)));
    expect(all.map((access) => access.tools)).toEqual(tokens.map(() => ['list_issues', 'delete_issue']));
    expect(all[0]?.expandedScopes()).toEqual(['tools.listed', 'prompts', 'tool:list_issues', 'tool:delete_issue']);
    expect(issuer.count('/selections/')).toBe(1);
  });

  it('2,000 tools', async () => {
    const { issuer, verifier } = setUp();
    const names = Array.from({ length: 2000 }, (_, index) => `tool_number_${index}`);
    const access = await verifier.verifyToken(await issuer.token({ scope: 'tools.listed', selection: issuer.select(names) }));
    expect(access.tools).toEqual(names);
  });

  it('a document without its hash is not used', async () => {
    const { issuer, verifier } = setUp();
    const selection = issuer.select(['list_issues']);
    issuer.selections.set(selection, JSON.stringify({ salt: 'x', tools: [{ name: 'delete_issue', digest: 'd' }] }));
    const token = await issuer.token({ scope: 'tools.listed', selection });
    expect(await refusalOf(verifier.verifyToken(token))).toEqual({ code: 'temporarily_unavailable', reason: 'selection' });
  });

  it.each([[undefined], ['../jwks'], ['x']])('the claim %j → invalid_token, and nothing is fetched', async (selection) => {
    const { issuer, verifier } = setUp();
    const token = await issuer.token({ scope: 'tools.listed', selection });
    expect((await refusalOf(verifier.verifyToken(token))).code).toBe('invalid_token');
    expect(issuer.count('/selections/')).toBe(0);
  });
});

describe('with a credential', () => {
  it('announces itself once, whatever comes of it, and again after five minutes if that failed', async () => {
    const { issuer, verifier, passSeconds } = setUp({ credential: { id: 'srv_1', secret: 's3cret' } });
    issuer.instead.set('/servers/hello', () => new Response(null, { status: 500 }));
    const token = await issuer.token();
    await verifier.verifyToken(token);
    await verifier.verifyToken(token);
    expect(issuer.count('/servers/hello')).toBe(1);
    issuer.instead.delete('/servers/hello');
    passSeconds(301);
    await verifier.verifyToken(token);
    passSeconds(301);
    await verifier.verifyToken(token);
    expect(issuer.count('/servers/hello')).toBe(2);
    expect(issuer.posted[0]).toEqual({
      path: '/servers/hello',
      authorization: `Basic ${btoa('srv_1:s3cret')}`,
      body: JSON.stringify({ library: '@toolgrant/resource-server', version: '0.1.0' }),
    });
  });

  it('introspection "always" asks about each token and believes answers of 200 alone', async () => {
    const { issuer, verifier } = setUp({ credential: 'srv_1:s3cret', introspection: 'always' });
    const exp = Math.floor(issuer.now().getTime() / 1000) + 60;
    const active = { active: true, sub: 'usr_ada', client_id: 'c', aud: RESOURCE, iss: ISSUER, exp, scope: 'tool:x', consent: 'cns_1' };
    issuer.introspections.set('opaque', active);
    issuer.introspections.set('foreign', { ...active, aud: 'http://localhost:4002/mcp' });
    issuer.introspections.set('expired', { ...active, exp: exp - 61 });
    expect(await verifier.verifyToken('opaque')).toMatchObject({ subject: 'usr_ada', tools: ['x'], consentId: 'cns_1' });
    issuer.introspections.delete('opaque');
    expect(await refusalOf(verifier.verifyToken('opaque'))).toEqual({ code: 'invalid_token', reason: 'inactive' });
    expect((await refusalOf(verifier.verifyToken('foreign'))).reason).toBe('audience');
    expect((await refusalOf(verifier.verifyToken('expired'))).reason).toBe('expired');
    issuer.instead.set('/introspect', () => Response.json({ error: 'invalid_client' }, { status: 401 }));
    expect((await refusalOf(verifier.verifyToken('opaque'))).code).toBe('temporarily_unavailable');
  });
});

/** A token with a header that the signing library refuses to make. */
async function unsignedBeyondHeader(header: Record<string, unknown>): Promise<string> {
  const [, payload, signature] = (await new FakeIssuer({ key }).token()).split('.');
  return `${base64url.encode(JSON.stringify({ alg: 'ES256', kid: 'key-1', typ: 'at+jwt', ...header }))}.${payload}.${signature}`;
}
