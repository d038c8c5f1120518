import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type ClientKind, type ClientTrust, judgeTrust, type TrustedClient } from '../../../src/domain/client-trust.ts';
import { runs } from './arbitraries.ts';

const at = new Date('2026-11-01T09:00:00Z');
const dynamic: TrustedClient = { kind: 'dynamic', id: 'cli_1' };
const manual: TrustedClient = { kind: 'manual', id: 'cli_2' };
const document: TrustedClient = { kind: 'document', id: 'https://claude.ai/oauth/mcp-client' };
const checked = (client: TrustedClient): TrustedClient => ({ ...client, verifiedAt: at });

const web = 'https://claude.ai/api/mcp/auth_callback';
const loopback = 'http://localhost:53123/callback';
const app = 'cursor://anysphere.cursor-retrieval/oauth/callback';
const answers = {
  web: { kind: 'web', host: 'claude.ai' },
  loopback: { kind: 'loopback', host: 'localhost:53123' },
  app: { kind: 'app', scheme: 'cursor' },
} as const;
const made = { by: 'administrator', how: 'made' } as const;
const byCheck = { by: 'administrator', how: 'checked', at } as const;
const published = { by: 'publisher', host: 'claude.ai' } as const;

describe('how far a name can be trusted', () => {
  const cases: [what: string, client: TrustedClient, redirectUri: string | undefined, trust: ClientTrust][] = [
    ['registered itself, web', dynamic, web, { answer: answers.web, isProven: false }],
    ['registered itself, loopback', dynamic, loopback, { answer: answers.loopback, isProven: false }],
    ['registered itself, app', dynamic, app, { answer: answers.app, isProven: false }],
    ['registered itself, by itself', dynamic, undefined, { isProven: false }],
    ['made by hand, web', manual, web, { answer: answers.web, voucher: made, isProven: true }],
    ['made by hand, loopback', manual, loopback, { answer: answers.loopback, voucher: made, isProven: false }],
    ['made by hand, app', manual, app, { answer: answers.app, voucher: made, isProven: false }],
    ['made by hand, by itself', manual, undefined, { voucher: made, isProven: false }],
    ['checked, web', checked(dynamic), web, { answer: answers.web, voucher: byCheck, isProven: true }],
    ['checked, loopback', checked(dynamic), loopback, { answer: answers.loopback, voucher: byCheck, isProven: false }],
    ['document, web at its host', document, web, { answer: answers.web, publisher: 'claude.ai', voucher: published, isProven: true }],
    [
      'document, web elsewhere',
      document,
      'https://evil.example/cb',
      { answer: { kind: 'web', host: 'evil.example' }, publisher: 'claude.ai', isProven: false },
    ],
    [
      'document, web at a host below its host',
      document,
      'https://api.claude.ai/cb',
      { answer: { kind: 'web', host: 'api.claude.ai' }, publisher: 'claude.ai', isProven: false },
    ],
    [
      'document, web at another port',
      document,
      'https://claude.ai:8443/cb',
      { answer: { kind: 'web', host: 'claude.ai:8443' }, publisher: 'claude.ai', isProven: false },
    ],
    [
      'document, its host in another spelling',
      { kind: 'document', id: 'https://CLAUDE.ai:443/oauth/mcp-client' },
      'https://Claude.AI/cb',
      { answer: answers.web, publisher: 'claude.ai', voucher: published, isProven: true },
    ],
    ['ABUSE-18: famous document, loopback', document, loopback, { answer: answers.loopback, publisher: 'claude.ai', isProven: false }],
    ['document, app', document, app, { answer: answers.app, publisher: 'claude.ai', isProven: false }],
    ['document, by itself', document, undefined, { publisher: 'claude.ai', isProven: false }],
    [
      'checked document, web elsewhere',
      checked(document),
      'https://evil.example/cb',
      { answer: { kind: 'web', host: 'evil.example' }, publisher: 'claude.ai', voucher: byCheck, isProven: true },
    ],
    [
      'ABUSE-14: document, a famous host as the user name of another',
      { kind: 'document', id: 'https://claude.ai@evil.example/client.json' },
      web,
      { answer: answers.web, publisher: 'evil.example', isProven: false },
    ],
    [
      'ABUSE-14: document, its host with a dot at the end',
      { kind: 'document', id: 'https://claude.ai./client.json' },
      web,
      { answer: answers.web, publisher: 'claude.ai.', isProven: false },
    ],
    [
      'ABUSE-14: document, its host in letters that look the same',
      { kind: 'document', id: 'https://xn--clude-5ve.ai/client.json' },
      web,
      { answer: answers.web, publisher: 'xn--clude-5ve.ai', isProven: false },
    ],
    [
      'ABUSE-18: document, web at a host beside its host',
      { kind: 'document', id: 'https://pages.claude.ai/client.json' },
      'https://api.claude.ai/cb',
      { answer: { kind: 'web', host: 'api.claude.ai' }, publisher: 'pages.claude.ai', isProven: false },
    ],
    [
      'ABUSE-18: document, its own host without TLS',
      document,
      'http://claude.ai/cb',
      { answer: { kind: 'app', scheme: 'http' }, publisher: 'claude.ai', isProven: false },
    ],
    ['document whose id is no https URL', { kind: 'document', id: 'http://claude.ai/x' }, web, { answer: answers.web, isProven: false }],
    ['client id that is a URL, registered', { kind: 'dynamic', id: document.id }, web, { answer: answers.web, isProven: false }],
  ];

  it.each(cases)('MCP-16, MCP-17: %s', (_, client, redirectUri, trust) => {
    expect(judgeTrust(client, redirectUri)).toEqual(trust);
  });
});

describe('whatever a client says of itself', () => {
  const clients = fc.record({
    kind: fc.constantFrom<ClientKind>('manual', 'dynamic', 'document'),
    id: fc.oneof(fc.constantFrom(document.id, 'cli_1', 'https://a.example/x', 'x:'), fc.string({ maxLength: 30 }), fc.webUrl()),
    verifiedAt: fc.option(fc.constant(at), { nil: undefined }),
  });
  const redirects = fc.oneof(fc.constantFrom(web, loopback, app, 'https://a.example/cb', 'com.example.app:/cb'), fc.webUrl());

  it('MCP-16: proven needs a web host, and an administrator or a document at that very host', () => {
    fc.assert(
      fc.property(clients, redirects, ({ verifiedAt, ...client }, redirectUri) => {
        const { isProven } = judgeTrust({ ...client, ...(verifiedAt && { verifiedAt }) }, redirectUri);
        const isHttps = redirectUri.startsWith('https://');
        const isOwnHost =
          client.kind === 'document' && client.id.startsWith('https://') && new URL(client.id).host === new URL(redirectUri).host;
        expect(isProven).toBe(isHttps && (verifiedAt !== undefined || client.kind === 'manual' || isOwnHost));
      }),
      runs,
    );
  });

  it('MCP-16: one that registered itself is proven only by an administrator', () => {
    fc.assert(
      fc.property(fc.string(), redirects, (id, redirectUri) => {
        expect(judgeTrust({ kind: 'dynamic', id }, redirectUri)).toMatchObject({ isProven: false });
        expect(judgeTrust({ kind: 'dynamic', id }, redirectUri)).not.toHaveProperty('voucher');
      }),
      runs,
    );
  });
});
