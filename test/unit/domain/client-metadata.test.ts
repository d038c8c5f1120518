import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type ClientMetadata, parseClientMetadata } from '../../../src/domain/client-metadata.ts';
import { maxRedirectUris, parseRedirectUri } from '../../../src/domain/redirect-uri.ts';

const least = { redirect_uris: ['http://127.0.0.1/cb'] };

const readDefaults: ClientMetadata = {
  redirectUris: ['http://127.0.0.1/cb'],
  authMethod: 'client_secret_basic',
  grants: ['authorization_code', 'refresh_token'],
  applicationType: 'native',
  postLogoutRedirectUris: [],
};

describe('what is said', () => {
  it('MCP-31: is taken, and the rest has its defaults', () => {
    expect(parseClientMetadata(least)).toEqual({ ok: true, metadata: readDefaults });
  });

  const taken: [what: string, said: Record<string, unknown>, read: Partial<ClientMetadata>][] = [
    ['a name', { client_name: 'Claude Code' }, { name: 'Claude Code' }],
    ['a name in other letters', { client_name: 'クロード · عميل' }, { name: 'クロード · عميل' }],
    ['a name with joined emoji', { client_name: 'Agent 👩‍💻' }, { name: 'Agent 👩‍💻' }],
    ['a name of 200 characters', { client_name: 'a'.repeat(200) }, { name: 'a'.repeat(200) }],
    ['a name with spaces around it', { client_name: '  Cursor ' }, { name: 'Cursor' }],
    ['no authentication', { token_endpoint_auth_method: 'none' }, { authMethod: 'none' }],
    ['a secret in the body', { token_endpoint_auth_method: 'client_secret_post' }, { authMethod: 'client_secret_post' }],
    ['one grant', { grant_types: ['authorization_code'] }, { grants: ['authorization_code'] }],
    ['a native type', { application_type: 'native' }, { applicationType: 'native' }],
    ['a web type beside a loopback URI', { application_type: 'web' }, { applicationType: 'web' }],
    [
      'links',
      { client_uri: 'https://a.example', logo_uri: 'https://a.example/l' },
      { clientUri: 'https://a.example', logoUri: 'https://a.example/l' },
    ],
    [
      'where to go after sign-out',
      { post_logout_redirect_uris: ['https://a.example/'] },
      { postLogoutRedirectUris: ['https://a.example/'] },
    ],
    [
      'one URI twice',
      { redirect_uris: ['https://a.example/', 'https://a.example/'] },
      { redirectUris: ['https://a.example/'], applicationType: 'web' },
    ],
  ];
  it.each(taken)('MCP-31: %s', (_, said, read) => {
    expect(parseClientMetadata({ ...least, ...said })).toEqual({ ok: true, metadata: { ...readDefaults, ...read } });
  });

  it.each([
    ['https', ['https://a.example/cb'], 'web'],
    ['loopback', ['http://localhost/cb'], 'native'],
    ['a private scheme', ['cursor://x'], 'native'],
    ['all of them', ['cursor://x', 'https://a.example/cb', 'http://localhost:8787/cb'], 'native'],
  ])('MCP-31: the application type is inferred from %s', (_, uris, applicationType) => {
    expect(parseClientMetadata({ redirect_uris: uris })).toMatchObject({ ok: true, metadata: { applicationType } });
  });

  const dropped: [what: string, said: Record<string, unknown>][] = [
    ['null and empty members', { logo_uri: null, client_uri: '', tos_uri: '', scope: '', client_name: '', jwks: null, contacts: [] }],
    ['empty lists', { grant_types: [], response_types: [], post_logout_redirect_uris: [] }],
    ['an empty authentication method', { token_endpoint_auth_method: '' }],
    ['a blank name', { client_name: '   ' }],
    ['an unknown application type', { application_type: 'browser' }],
    ['scopes', { scope: 'tools mcp:admin offline_access' }],
    ['unknown grants beside known ones', { grant_types: ['urn:x', 'authorization_code', 'refresh_token', 'client_credentials'] }],
    ['response types beside code', { response_types: ['token', 'code', 'code id_token'] }],
    ['software and contacts', { software_id: 'x', software_version: '1', software_statement: 'a.b.c', contacts: ['a@b.example'] }],
    ['keys', { jwks: { keys: [{ kty: 'EC' }] }, jwks_uri: 'https://a.example/jwks' }],
    ['a name in one language', { 'client_name#ja': 'x' }],
    ['unknown members', { made_up: { a: [1] }, trusted: true }],
  ];
  it.each(dropped)('MCP-31, ENG-16: %s mean nothing here and are dropped', (_, said) => {
    expect(parseClientMetadata({ ...least, ...said })).toEqual({ ok: true, metadata: readDefaults });
  });

  it('ABUSE-8: inherited members and those of the engine are dropped', () => {
    const body = JSON.parse(
      `{"__proto__":{"token_endpoint_auth_method":"none"},"constructor":1,"client_id":"x","client_secret":"x","kind":"manual","redirect_uris":["http://127.0.0.1/cb"]}`,
    );
    expect(parseClientMetadata(body)).toEqual({ ok: true, metadata: readDefaults });
    expect(parseClientMetadata(Object.create({ ...least, client_name: 'inherited' }))).toMatchObject({ ok: false });
    expect(({} as Record<string, unknown>)['token_endpoint_auth_method']).toBeUndefined();
  });
});

describe('what is refused', () => {
  const uris = Array.from({ length: maxRedirectUris + 1 }, (_, index) => `https://a.example/${index}`);
  const ofUris: [number: number, what: string, said: Record<string, unknown>][] = [
    [1, 'one bad URI among good ones', { redirect_uris: ['https://a.example/', 'javascript:x'] }],
    [1, 'a bad URI for after sign-out', { post_logout_redirect_uris: ['javascript:x'] }],
    [2, 'plain http in a native client', { redirect_uris: ['http://a.example/'], application_type: 'native' }],
    [2, 'plain http in a web client', { redirect_uris: ['http://a.example/'], application_type: 'web' }],
    [3, 'no list', { redirect_uris: undefined }],
    [3, 'an empty list', { redirect_uris: [] }],
    [3, 'null', { redirect_uris: null }],
    [3, 'a string', { redirect_uris: 'https://a.example/' }],
    [3, 'an object', { redirect_uris: { 0: 'https://a.example/', length: 1 } }],
    [3, 'a list of other things', { redirect_uris: ['https://a.example/', 1] }],
    [3, 'a list in a list', { redirect_uris: [['https://a.example/']] }],
    [3, 'an empty string in the list', { redirect_uris: ['https://a.example/', ''] }],
    [3, 'eleven', { redirect_uris: uris }],
    [3, 'eleven for after sign-out', { post_logout_redirect_uris: uris }],
    [4, 'a scheme that is not on the list', { redirect_uris: ['myapp://cb'] }],
  ];
  it.each(ofUris)('ABUSE-%i: %s', (_, __, said) => {
    expect(parseClientMetadata({ ...least, ...said })).toMatchObject({ ok: false, problem: { kind: 'redirect-uri' } });
  });

  const linkMembers = ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri', 'jwks_uri', 'logo_uri#de', 'client_uri#ja-Kana-JP', 'tos_uri#'];
  const badLinks = [
    'http://a.example/',
    'javascript:alert(1)',
    'data:image/svg+xml,x',
    '//a.example',
    'https://',
    'https://user@a.example/',
    'https://:pass@a.example/',
    'https://a.example/ x',
    'https://a.example/\u202e',
    `https://a.example/${'a'.repeat(2_048)}`,
    ' ',
    42,
    ['https://a.example/'],
    { href: 'https://a.example/' },
    true,
  ];
  it.each(linkMembers.map((member) => [member]))('ABUSE-5: a %s that is no https link', (member) => {
    for (const link of badLinks)
      expect(parseClientMetadata({ ...least, [member]: link })).toMatchObject({ ok: false, problem: { kind: 'metadata' } });
    expect(parseClientMetadata({ ...least, [member]: '' })).toMatchObject({ ok: true });
    expect(parseClientMetadata({ ...least, [member]: 'https://a.example/x' })).toMatchObject({ ok: true });
  });

  const names: [what: string, name: unknown][] = [
    ['NUL', 'a\0b'],
    ['a line feed', 'a\nb'],
    ['a carriage return', 'a\rb'],
    ['a tab', 'a\tb'],
    ['ESC', 'a\u001b[31mb'],
    ['DEL', 'a\u007f'],
    ['a C1 control', 'a\u009b31m'],
    ['a line separator', 'a\u2028b'],
    ['a paragraph separator', 'a\u2029b'],
    ['the bidi override', 'abc\u202edcba'],
    ['a bidi embedding', 'a\u202ab'],
    ['a bidi isolate', 'a\u2066b'],
    ['a bidi mark', 'a\u200fb'],
    ['the Arabic letter mark', 'a\u061cb'],
    ['half a character', 'a\ud800'],
    ['201 characters', 'a'.repeat(201)],
    ['100,000 characters', 'a'.repeat(100_000)],
    ['a number', 42],
    ['a list', ['x']],
    ['an object', { toString: 'x' }],
    ['true', true],
  ];
  it.each(names)('ABUSE-7: a name with %s, or that is one', (_, name) => {
    expect(parseClientMetadata({ ...least, client_name: name })).toMatchObject({ ok: false, problem: { kind: 'metadata' } });
  });

  const grants: [what: string, said: Record<string, unknown>][] = [
    ['client_credentials alone', { grant_types: ['client_credentials'] }],
    ['password alone', { grant_types: ['password'] }],
    ['implicit alone', { grant_types: ['implicit'] }],
    ['refresh_token alone', { grant_types: ['refresh_token'] }],
    ['jwt-bearer alone', { grant_types: ['urn:ietf:params:oauth:grant-type:jwt-bearer'] }],
    ['the response type token', { response_types: ['token'] }],
    ['the response type id_token', { response_types: ['id_token'] }],
    ['a hybrid response type', { response_types: ['code token'] }],
    ['the response type none', { response_types: ['none'] }],
    ['an authentication that is not offered', { token_endpoint_auth_method: 'private_key_jwt' }],
    ['a shared-key assertion', { token_endpoint_auth_method: 'client_secret_jwt' }],
    ['a certificate', { token_endpoint_auth_method: 'tls_client_auth' }],
    ['authentication by a name of Object', { token_endpoint_auth_method: 'constructor' }],
  ];
  it.each(grants)('ABUSE-9: %s', (_, said) => {
    expect(parseClientMetadata({ ...least, ...said })).toMatchObject({ ok: false, problem: { kind: 'metadata' } });
  });

  const wrongTypes: [member: string, value: unknown][] = [
    ['grant_types', 'authorization_code'],
    ['grant_types', { 0: 'authorization_code' }],
    ['grant_types', [['authorization_code']]],
    ['response_types', 'code'],
    ['response_types', 42],
    ['token_endpoint_auth_method', ['none']],
    ['token_endpoint_auth_method', 0],
    ['application_type', 42],
    ['application_type', ['native']],
    ['scope', 42],
    ['scope', ['tools']],
    ['contacts', 'a@b.example'],
    ['contacts', [1]],
    ['jwks', 'x'],
    ['jwks', [{}]],
    ['software_id', {}],
    ['software_version', 1],
    ['software_statement', false],
  ];
  it.each(wrongTypes)('ABUSE-10: %s as %j', (member, value) => {
    expect(parseClientMetadata({ ...least, [member]: value })).toMatchObject({ ok: false, problem: { kind: 'metadata' } });
  });

  it.each([[null], [undefined], [42], ['x'], [true], [[]], [[least]], [[[]]]])('ABUSE-10: %j instead of an object', (body) => {
    expect(parseClientMetadata(body)).toMatchObject({ ok: false, problem: { kind: 'metadata' } });
  });

  it('ABUSE-10: what is nested deeper than metadata can be, however deep', () => {
    const nested = (depth: number) => Array.from({ length: depth }).reduce<unknown>((inner) => ({ a: inner }), 1);
    expect(parseClientMetadata({ ...least, x: nested(5) })).toMatchObject({ ok: true });
    for (const depth of [9, 5_000, 200_000])
      expect(parseClientMetadata({ ...least, x: nested(depth) })).toMatchObject({ ok: false, problem: { kind: 'metadata' } });
  });
});

describe('whatever is sent', () => {
  const values = fc.oneof(
    fc.constantFrom('none', 'code', 'authorization_code', 'https://a.example/', 'http://localhost/', 'cursor://x', 'javascript:x', ''),
    fc.string({ unit: 'binary' }),
    fc.jsonValue(),
    fc.array(
      fc.constantFrom('authorization_code', 'code', 'token', 'https://a.example/cb', 'http://127.0.0.1:1/', 'http://x.example/', 'com.a:/'),
    ),
  );
  const members = fc.constantFrom(
    'redirect_uris',
    'post_logout_redirect_uris',
    'client_name',
    'grant_types',
    'response_types',
    'token_endpoint_auth_method',
    'application_type',
    'logo_uri',
    'scope',
    '__proto__',
  );
  const bodies = fc.oneof(
    fc.jsonValue(),
    fc.dictionary(members, values),
    fc.dictionary(members, values).map((body) => ({ ...least, ...body })),
  );

  it('ABUSE-10: nothing throws, and nothing is kept that is not allowed', () => {
    fc.assert(
      fc.property(bodies, (body) => {
        const parsed = parseClientMetadata(body);
        if (!parsed.ok) return;
        const { name = 'x', redirectUris, grants, postLogoutRedirectUris } = parsed.metadata;
        expect(redirectUris.length).toBeGreaterThan(0);
        for (const uri of [...redirectUris, ...postLogoutRedirectUris]) expect(parseRedirectUri(uri)).toHaveProperty('kind');
        expect(['authorization_code', 'refresh_token']).toEqual(expect.arrayContaining([...grants]));
        expect(grants).toContain('authorization_code');
        expect(name).toMatch(/^[^\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]{1,200}$/u);
      }),
      { numRuns: 2_000 },
    );
  });

  it('MCP-31: what was registered can be registered again, and is the same', () => {
    fc.assert(
      fc.property(bodies, (body) => {
        const parsed = parseClientMetadata(body);
        if (!parsed.ok) return;
        const { metadata } = parsed;
        const again = {
          client_name: metadata.name,
          redirect_uris: metadata.redirectUris,
          post_logout_redirect_uris: metadata.postLogoutRedirectUris,
          token_endpoint_auth_method: metadata.authMethod,
          grant_types: metadata.grants,
          application_type: metadata.applicationType,
          logo_uri: metadata.logoUri,
        };
        const sent = JSON.parse(JSON.stringify(again)) as unknown;
        expect(parseClientMetadata(sent)).toEqual(parsed);
      }),
      { numRuns: 2_000 },
    );
  });
});
