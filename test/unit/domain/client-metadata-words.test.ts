import { describe, expect, it } from '@jest/globals';
import { parseClientMetadata } from '../../../src/domain/client-metadata.ts';
import { parseRedirectUri, type RedirectUriProblem } from '../../../src/domain/redirect-uri.ts';
import { redirectUriWords } from '../../../src/domain/redirect-uri-words.ts';

const good = { redirect_uris: ['https://a.example/cb'], token_endpoint_auth_method: 'none' };

/** The member, the rule, and after the colon the fix. */
const shape = /^[a-z_#-]+(?:\[\d+\])? [^:]+: .{10,}$/;

describe('each refusal of metadata names the member, the rule and the fix', () => {
  it.each<[string, Record<string, unknown>]>([
    ['redirect_uris', { redirect_uris: [] }],
    ['redirect_uris', { redirect_uris: undefined }],
    ['redirect_uris', { redirect_uris: Array.from({ length: 11 }, (_, index) => `https://a.example/${index}`) }],
    ['redirect_uris[1]', { redirect_uris: ['https://a.example/cb', 'http://a.example/cb'] }],
    ['redirect_uris[0]', { redirect_uris: ['javascript:alert(1)'] }],
    ['post_logout_redirect_uris[0]', { post_logout_redirect_uris: ['https://a.example/#x'] }],
    ['client_name', { client_name: 7 }],
    ['client_name', { client_name: 'a\nb' }],
    ['client_name', { client_name: 'a'.repeat(201) }],
    ['grant_types', { grant_types: ['client_credentials'] }],
    ['response_types', { response_types: ['token'] }],
    ['application_type', { application_type: 7 }],
    ['logo_uri', { logo_uri: 'http://a.example/logo' }],
    ['client_uri', { 'client_uri#de': 'http://a.example' }],
    ['scope', { scope: 7 }],
    ['contacts', { contacts: 'x' }],
    ['jwks', { jwks: 'x' }],
    ['jwks', { jwks: { keys: [{ kty: 'EC', d: 'x' }] } }],
    ['jwks', { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{}] }, jwks_uri: 'https://a.example/jwks' }],
    ['token_endpoint_auth_method', { token_endpoint_auth_method: 'private_key_jwt' }],
  ])('%s: %j', (member, change) => {
    const parsed = parseClientMetadata({ ...good, ...change });
    if (parsed.ok) throw new Error('it was taken');
    expect(parsed.problem.reason.startsWith(`${member} `)).toBe(true);
    expect(parsed.problem.reason).toMatch(shape);
    expect(parsed.problem.reason).not.toContain('alert');
  });
});

it('every problem of a redirect URI has words of its own', () => {
  const uris: Record<RedirectUriProblem, string> = {
    'too-long': `https://a.example/${'a'.repeat(2_048)}`,
    'odd-character': 'https://a.example/a b',
    'not-absolute': '/cb',
    'has-fragment': 'https://a.example/#x',
    'has-userinfo': 'https://a@a.example/',
    'has-wildcard': 'https://*.a.example/',
    'plain-http': 'http://a.example/',
    'scheme-not-allowed': 'data:text/html,x',
    'odd-host': 'http://127.1/',
  };
  const words = Object.entries(uris).map(([problem, uri]) => {
    expect(parseRedirectUri(uri)).toEqual({ problem });
    return redirectUriWords(problem as RedirectUriProblem);
  });
  expect(new Set(words).size).toBe(words.length);
  for (const clause of words) expect(`redirect_uris[0] ${clause}`).toMatch(shape);
});
