import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type ClientMetadata, maxClientNameCharacters, parseClientMetadata } from '../../../src/domain/client-metadata.ts';
import { isRegisteredRedirectUri, maxRedirectUris, parseRedirectUri, redirectSource } from '../../../src/domain/redirect-uri.ts';
import { memberNames } from '../../support/fuzz/names.ts';
import { jsonValues, urls } from '../../support/fuzz/values.ts';
import { registrationBodies } from '../../support/registration-bodies.ts';
import { runs } from './arbitraries.ts';
import { expectEqual } from './expect-equal.ts';

/** What a client sends, changed in a few members; most of it can be registered. */
const bodies = fc
  .record({
    honest: fc.constantFrom(...Object.values(registrationBodies)),
    uris: fc.option(fc.array(fc.constantFrom(...urls.slice(0, 11), ...urls), { maxLength: 12 }), { nil: undefined }),
    changed: fc.dictionary(fc.constantFrom(...memberNames), jsonValues, { maxKeys: 3 }),
    dropped: fc.subarray(['client_name', 'grant_types', 'response_types', 'token_endpoint_auth_method', 'application_type']),
  })
  .map(({ honest, uris, changed, dropped }) => {
    const body: Record<string, unknown> = { ...honest, ...(uris && { redirect_uris: uris }), ...changed };
    for (const name of dropped) delete body[name];
    return body;
  });

/** As the answer to a registration spells it. */
function spell({ name, redirectUris, postLogoutRedirectUris, ...rest }: ClientMetadata): Record<string, unknown> {
  return {
    client_name: name,
    redirect_uris: redirectUris,
    post_logout_redirect_uris: postLogoutRedirectUris,
    token_endpoint_auth_method: rest.authMethod,
    grant_types: rest.grants,
    application_type: rest.applicationType,
    client_uri: rest.clientUri,
    logo_uri: rest.logoUri,
    policy_uri: rest.policyUri,
    tos_uri: rest.tosUri,
  };
}

describe('client metadata by chance', () => {
  it('ABUSE-10: whatever is sent is read or refused with a reason, and nothing is thrown', () => {
    const anything = fc.oneof({ weight: 3, arbitrary: bodies }, { weight: 1, arbitrary: fc.anything({ withNullPrototype: true }) });
    let registered = 0;
    fc.assert(
      fc.property(anything, (body) => {
        const parsed = parseClientMetadata(body);
        if (parsed.ok) registered += 1;
        else expect(parsed.problem.reason).toMatch(/^\w.{10,}/);
      }),
      runs,
    );
    expect(registered).toBeGreaterThan(runs.numRuns / 20);
  });

  it('ABUSE-1–5, ABUSE-7–9: what is registered was sent, keeps every rule, and is registered the same again', () => {
    fc.assert(
      fc.property(bodies, (body) => {
        const parsed = parseClientMetadata(body);
        if (!parsed.ok) return;
        const { metadata } = parsed;
        expect(metadata.redirectUris.length).toBeGreaterThan(0);
        expect(metadata.redirectUris.length).toBeLessThanOrEqual(maxRedirectUris);
        for (const uri of metadata.redirectUris) {
          expect(body['redirect_uris']).toContain(uri);
          expect(parseRedirectUri(uri)).not.toHaveProperty('problem');
          expectEqual(isRegisteredRedirectUri(metadata.redirectUris, uri), true);
        }
        if (metadata.name !== undefined) {
          expect(String(body['client_name'])).toContain(metadata.name);
          expect(metadata.name.length).toBeLessThanOrEqual(maxClientNameCharacters);
          expect(metadata.name).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
        }
        if (Array.isArray(body['grant_types']) && body['grant_types'].length > 0) {
          for (const grant of metadata.grants) expect(body['grant_types']).toContain(grant);
        }
        for (const link of [metadata.clientUri, metadata.logoUri, metadata.policyUri, metadata.tosUri]) {
          if (link !== undefined) expect(link).toMatch(/^https:\/\/[\x21-\x7e]+$/);
        }
        const again = parseClientMetadata(JSON.parse(JSON.stringify(spell(metadata))));
        expectEqual(again, { ok: true, metadata });
      }),
      runs,
    );
  });

  it('ABUSE-8: members that mean nothing here change nothing', () => {
    const meaningless = ['client_id', 'client_secret', 'kind', 'tenantId', 'demo', 'blockedAt', '__proto__', 'constructor', 'toJSON', ''];
    const more = fc.dictionary(fc.constantFrom(...meaningless), fc.oneof(fc.string(), fc.boolean(), fc.constant({ redirect_uris: [] })));
    fc.assert(
      fc.property(bodies, more, (body, added) => {
        const plain = Object.fromEntries(Object.entries(body).filter(([name]) => !meaningless.includes(name)));
        const mixed = Object.fromEntries([...Object.entries(plain), ...Object.entries(added)]);
        expectEqual(parseClientMetadata(mixed), parseClientMetadata(plain));
      }),
      runs,
    );
  });
});

describe('redirect URIs by chance', () => {
  const pieces = fc.constantFrom(
    'https://',
    'http://',
    'localhost',
    '127.0.0.1',
    '[::1]',
    'app.example',
    ':9',
    ':65536',
    '/',
    '?',
    '#',
    '@',
    '\\',
    '%2f',
    '%00',
    '*',
    '..',
    'cursor:',
    'com.example.agent:',
    'javascript:',
    '\t',
    ' ',
    'é',
    'x',
  );
  const uris = fc.oneof(
    fc.constantFrom(...urls),
    fc.array(pieces, { minLength: 1, maxLength: 9 }).map((parts) => parts.join('')),
  );

  it('ABUSE-1, ABUSE-2, ABUSE-3, ABUSE-4: one that is allowed is of one of the safe kinds, as every parser of URLs reads it', () => {
    fc.assert(
      fc.property(uris, (uri) => {
        const parsed = parseRedirectUri(uri);
        if ('problem' in parsed) return;
        const { protocol, hostname, username, hash } = new URL(uri);
        expectEqual([username, hash], ['', '']);
        switch (parsed.kind) {
          case 'https':
            expectEqual(protocol, 'https:');
            expectEqual(uri.slice('https://'.length).toLowerCase().startsWith(hostname), true);
            break;
          case 'loopback':
            expect(['localhost', '127.0.0.1', '[::1]']).toContain(hostname);
            break;
          case 'private-use':
            expect(protocol).toMatch(/^(?:cursor|vscode|vscode-insiders|[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)+):$/);
            break;
          default:
            parsed.kind satisfies never;
        }
        expectEqual(/^[a-z][a-z0-9.+-]*:(?:\/\/[a-z0-9._[\]:-]+)?$/.test(redirectSource(uri)), true);
      }),
      runs,
    );
  });

  it('ABUSE-19, MCP-10: what is asked for is registered to the character, or differs in the port of a loopback URI alone', () => {
    const some = fc.array(fc.constantFrom(...urls.slice(0, 11)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(some, uris, (registered, asked) => {
        if (!isRegisteredRedirectUri(registered, asked)) {
          expectEqual(registered.includes(asked), false);
          return;
        }
        const withoutPort = (uri: string) => uri.replace(/^(http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])):\d+(?=[/?]|$)/, '$1');
        expectEqual(registered.includes(asked) || registered.map(withoutPort).includes(withoutPort(asked)), true);
        if (!registered.includes(asked)) expect(asked).toMatch(/^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])/);
      }),
      runs,
    );
  });
});
