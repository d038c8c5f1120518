import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isDocumentUrl, maxDocumentUrlCharacters, parseDocumentUrl, parseMetadataDocument } from '../../../src/domain/metadata-document.ts';

const url = 'https://client.example/metadata.json';

describe('MCP-29, ABUSE-14: a URL as a client id', () => {
  it.each([
    url,
    'https://client.example/a/b/c',
    'https://client.example/a/',
    'https://client.example:8443/metadata.json',
    'https://client.example/metadata.json?version=2',
    'https://client.example/a..b/.well-known/...',
    'https://xn--bcher-kva.example/client',
    'https://a.b.c.client.example/%2F',
    `${url}?${'a'.repeat(maxDocumentUrlCharacters - url.length - 1)}`,
  ])('may be %s', (id) => {
    expect(parseDocumentUrl(id)).toEqual({ host: new URL(id).hostname });
  });

  it.each([
    ['not-https', 'http://client.example/metadata.json'],
    ['not-https', 'https:client.example/metadata.json'],
    ['not-https', 'ftp://client.example/metadata.json'],
    ['no-path', 'https://client.example'],
    ['no-path', 'https://client.example/'],
    ['no-path', 'https://client.example?x=/y'],
    ['has-fragment', 'https://client.example/a#'],
    ['has-fragment', 'https://client.example/a#b'],
    ['has-userinfo', 'https://user@client.example/a'],
    ['has-userinfo', 'https://user:pass@client.example/a'],
    ['has-userinfo', 'https://@client.example/a'],
    ['dot-segment', 'https://client.example/../a'],
    ['dot-segment', 'https://client.example/a/./b'],
    ['dot-segment', 'https://client.example/a/..'],
    ['dot-segment', 'https://client.example/%2e%2e/a'],
    ['dot-segment', 'https://client.example/.%2E/a'],
    ['dot-segment', 'https://client.example/a/%2e'],
    ['odd-character', 'https://client.example\\a'],
    ['odd-character', 'https://client.example/a\\..\\b'],
    ['odd-character', 'https://client.example/a b'],
    ['odd-character', 'https://client.example/a\n'],
    ['odd-character', 'https://client.example/\0'],
    ['odd-character', 'https://bücher.example/a'],
    ['odd-character', 'https://client.example/"'],
    ['not-canonical', 'https://Client.example/a'],
    ['not-canonical', 'HTTPS://client.example/a'],
    ['not-canonical', 'https://client.example:443/a'],
    ['not-canonical', 'https://client.example:08443/a'],
    ['not-canonical', 'https://%63lient.example/a'],
    ['no-public-host', 'https://localhost/a'],
    ['no-public-host', 'https://client.localhost/a'],
    ['no-public-host', 'https://intranet/a'],
    ['no-public-host', 'https://printer.local/a'],
    ['no-public-host', 'https://metadata.google.internal/a'],
    ['no-public-host', 'https://client.example./a'],
    ['no-public-host', 'https://127.0.0.1/a'],
    ['no-public-host', 'https://8.8.8.8/a'],
    ['no-public-host', 'https://2130706433/a'],
    ['no-public-host', 'https://0x7f.1/a'],
    ['no-public-host', 'https://[::1]/a'],
    ['no-public-host', 'https://client..example/a'],
    ['no-public-host', 'https://client.example:99999/a'],
    ['too-long', `${url}?${'a'.repeat(maxDocumentUrlCharacters)}`],
  ])('is %s: %j', (problem, id) => {
    expect(parseDocumentUrl(id)).toEqual({ problem });
  });

  it('is the one spelling of what it names, whatever is tried', () => {
    const part = fc.oneof(
      fc.string({ maxLength: 12 }),
      fc.constantFrom('/', '..', '%2e', '\\', '@', '#', '?', ':443', 'client.example', '127.0.0.1', '[::1]', 'A'),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const id = `https://client.example${parts.join('')}`;
        const parsed = parseDocumentUrl(id);
        if ('problem' in parsed) return;
        const seen = new URL(id);
        expect(seen.href).toBe(id);
        expect([seen.hostname, seen.hash, seen.username, seen.password]).toEqual([parsed.host, '', '', '']);
        expect(seen.pathname.split('/').map(decodeURIComponentSafely)).not.toContain('..');
      }),
      { numRuns: 2_000 },
    );
  });

  it('is told from other client ids, badly written ones too', () => {
    for (const id of [url, 'HTTP://x', 'https:x', 'http://x/']) expect(isDocumentUrl(id)).toBe(true);
    for (const id of ['cli_abc', 'srv_abc', 'httpsx', '', ' https://x']) expect(isDocumentUrl(id)).toBe(false);
  });
});

function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const least = { client_id: url, client_name: 'Agent', redirect_uris: ['https://client.example/cb'] };
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk = pair.publicKey.export({ format: 'jwk' });
const read = (json: unknown) => parseMetadataDocument(url, json);

describe('MCP-29: a document', () => {
  it('needs its id, a name and redirect URIs; it is public unless it says otherwise (ENG-19)', () => {
    expect(read(least)).toEqual({
      ok: true,
      metadata: {
        name: 'Agent',
        redirectUris: ['https://client.example/cb'],
        authMethod: 'none',
        grants: ['authorization_code', 'refresh_token'],
        applicationType: 'web',
        postLogoutRedirectUris: [],
      },
    });
  });

  it('may have grants and members that mean nothing here', () => {
    const parsed = read({
      ...least,
      grant_types: ['authorization_code', 'refresh_token', 'urn:example:new', 'client_credentials'],
      scope: 'tools other',
      x: { y: 1 },
    });
    expect(parsed).toMatchObject({ ok: true, metadata: { grants: ['authorization_code', 'refresh_token'] } });
  });

  it('MCP-30: may have loopback redirect URIs without a port, whatever the application type says or does not', () => {
    for (const type of [undefined, 'web', 'native']) {
      const redirects = ['http://localhost/callback', 'http://127.0.0.1/callback'];
      expect(read({ ...least, redirect_uris: redirects, application_type: type })).toMatchObject({
        ok: true,
        metadata: { redirectUris: redirects },
      });
    }
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    [
      'private_key_jwt with keys',
      { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] } },
      { authMethod: 'private_key_jwt', jwks: [jwk] },
    ],
    [
      'private_key_jwt with an address of keys',
      { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://client.example/keys' },
      { authMethod: 'private_key_jwt', jwksUri: 'https://client.example/keys' },
    ],
    [
      'several methods of which one is possible',
      { token_endpoint_auth_methods_supported: ['tls_client_auth', 'none'] },
      { authMethod: 'none' },
    ],
    [
      'several methods beside one',
      { token_endpoint_auth_method: 'tls_client_auth', token_endpoint_auth_methods_supported: ['none'] },
      { authMethod: 'none' },
    ],
    [
      'both methods, as ChatGPT publishes them',
      {
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
        jwks_uri: 'https://client.example/keys',
        token_endpoint_auth_signing_alg: 'RS256',
      },
      { authMethod: 'private_key_jwt', jwksUri: 'https://client.example/keys', isProofOptional: true },
    ],
    ['both methods without keys', { token_endpoint_auth_methods_supported: ['private_key_jwt', 'none'] }, { authMethod: 'none' }],
    ['an empty list of methods', { token_endpoint_auth_methods_supported: [] }, { authMethod: 'none' }],
    ['keys for something else', { jwks: { keys: [jwk] } }, { authMethod: 'none' }],
  ])('SEP-3149: may say %s', (_name, said, metadata) => {
    const parsed = read({ ...least, ...said });
    expect(parsed).toMatchObject({ ok: true, metadata });
    if (parsed.ok && !('isProofOptional' in metadata)) expect(parsed.metadata.isProofOptional).toBeUndefined();
  });

  it.each<[string, unknown]>([
    ['another client_id', { ...least, client_id: `${url}/` }],
    ['a client_id in another spelling', { ...least, client_id: 'https://CLIENT.example/metadata.json' }],
    ['no client_id', { ...least, client_id: undefined }],
    ['no name', { ...least, client_name: undefined }],
    ['an empty name', { ...least, client_name: ' ' }],
    ['a name of two lines', { ...least, client_name: 'a\nb' }],
    ['a name that turns around', { ...least, client_name: 'a\u202eb' }],
    ['no redirect URIs', { ...least, redirect_uris: [] }],
    ['a plain http redirect URI', { ...least, redirect_uris: ['http://client.example/cb'] }],
    ['a redirect URI that runs code', { ...least, redirect_uris: ['javascript:alert(1)'] }],
    ['a secret', { ...least, client_secret: 'secret' }],
    ['a secret for Basic', { ...least, token_endpoint_auth_method: 'client_secret_basic' }],
    ['a secret for JWTs', { ...least, token_endpoint_auth_method: 'client_secret_jwt' }],
    ['secrets only', { ...least, token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_jwt'] }],
    ['a private key', { ...least, jwks: { keys: [pair.privateKey.export({ format: 'jwk' })] } }],
    [
      'a private key for private_key_jwt',
      { ...least, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [pair.privateKey.export({ format: 'jwk' })] } },
    ],
    ['a symmetric key', { ...least, jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } }],
    ['private_key_jwt without keys', { ...least, token_endpoint_auth_method: 'private_key_jwt' }],
    [
      'private_key_jwt with keys twice',
      { ...least, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] }, jwks_uri: 'https://client.example/keys' },
    ],
    ['a plain http address of keys', { ...least, jwks_uri: 'http://client.example/keys' }],
    ['an implicit client', { ...least, response_types: ['token'], grant_types: ['implicit'] }],
    ['a list', [least]],
    ['a text', 'document'],
    ['null', null],
  ])('ABUSE-15: is refused with %s', (_name, json) => {
    expect(read(json)).toMatchObject({ ok: false, problem: { reason: expect.stringMatching(/^.{10,}/) } });
  });

  it('never throws, and never yields secrets or private keys', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.constantFrom('client_secret', 'jwks', 'jwks_uri', 'grant_types', 'redirect_uris', '__proto__', 'x'),
          fc.jsonValue(),
        ),
        (said) => {
          const parsed = read({ ...least, ...said });
          if (parsed.ok) expect(['none', 'private_key_jwt']).toContain(parsed.metadata.authMethod);
        },
      ),
    );
  });
});
