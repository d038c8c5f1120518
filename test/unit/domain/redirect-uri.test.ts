import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  isRegisteredRedirectUri,
  maxRedirectUriCharacters,
  parseRedirectUri,
  type RedirectUriProblem,
  redirectSource,
} from '../../../src/domain/redirect-uri.ts';

describe('a redirect URI that may be registered', () => {
  it.each([
    ['https://claude.ai/api/mcp/auth_callback', 'https'],
    ['https://chatgpt.com/connector_platform_oauth_redirect', 'https'],
    ['https://app.example', 'https'],
    ['https://app.example?x=1', 'https'],
    ['https://app.example:8443/cb?x=1&y=%20#'.slice(0, -1), 'https'],
    ['HTTPS://App.Example/cb', 'https'],
    ['https://my_app.example/cb', 'https'],
    ['https://xn--mnchen-3ya.example/cb', 'https'],
    ['https://192.0.2.7/cb', 'https'],
    ['https://[2001:db8::1]/cb', 'https'],
    ['https://app.example/cb?list=a,b;c=(d)*!', 'https'],
    ['http://localhost/cb', 'loopback'],
    ['http://localhost:6274/oauth/callback', 'loopback'],
    ['http://LOCALHOST:1/cb', 'loopback'],
    ['http://127.0.0.1/', 'loopback'],
    ['http://127.0.0.1:33418/', 'loopback'],
    ['http://[::1]:9/cb', 'loopback'],
    ['cursor://anysphere.cursor-retrieval/oauth/x/callback', 'private-use'],
    ['vscode://vscode.github-authentication/did-authenticate', 'private-use'],
    ['vscode-insiders://x', 'private-use'],
    ['grokbot://mcp/oauth/callback', 'private-use'],
    ['com.example.app:/callback', 'private-use'],
    ['com.example.app://callback', 'private-use'],
    ['com.example-corp.app2:/callback', 'private-use'],
  ])('MCP-8, MCP-31: %s', (uri, kind) => {
    expect(parseRedirectUri(uri)).toEqual({ kind });
  });

  it('ABUSE-3: is as long as it may be', () => {
    const start = 'https://app.example/';
    expect(parseRedirectUri(start + 'a'.repeat(maxRedirectUriCharacters - start.length))).toEqual({ kind: 'https' });
  });
});

describe('a redirect URI that may not be registered', () => {
  const cases: [number: number, uri: string, problem: RedirectUriProblem][] = [
    [1, 'javascript:alert(1)', 'scheme-not-allowed'],
    [1, 'JaVaScRiPt:alert(1)', 'scheme-not-allowed'],
    [1, 'javascript://app.example/%0aalert(1)', 'scheme-not-allowed'],
    [1, 'java\tscript:alert(1)', 'odd-character'],
    [1, 'java\nscript:alert(1)', 'odd-character'],
    [1, '\u0001javascript:alert(1)', 'odd-character'],
    [1, ' javascript:alert(1)', 'odd-character'],
    [1, 'data:text/html,x', 'scheme-not-allowed'],
    [1, 'vbscript:x', 'scheme-not-allowed'],
    [1, 'blob:https://app.example/x', 'scheme-not-allowed'],
    [1, 'file:///etc/passwd', 'scheme-not-allowed'],
    [1, 'about:blank', 'scheme-not-allowed'],
    [1, 'view-source:https://app.example/', 'scheme-not-allowed'],
    [2, 'http://evil.example/cb', 'plain-http'],
    [2, 'http://127.0.0.1.evil.example/cb', 'plain-http'],
    [2, 'http://localhost.evil.example/cb', 'plain-http'],
    [2, 'http://10.0.0.1/cb', 'plain-http'],
    [2, 'http://127.0.0.2/cb', 'plain-http'],
    [2, 'http://0.0.0.0/cb', 'plain-http'],
    [2, 'http://[::]/cb', 'plain-http'],
    [2, 'http://2130706433/cb', 'odd-host'],
    [2, 'http://0x7f.1/cb', 'odd-host'],
    [2, 'http://0177.0.0.1/cb', 'odd-host'],
    [2, 'http://127.1/cb', 'odd-host'],
    [2, 'http://%6cocalhost/cb', 'odd-host'],
    [2, 'http://[::ffff:127.0.0.1]/cb', 'odd-host'],
    [2, 'http://[0:0:0:0:0:0:0:1]/cb', 'odd-host'],
    [2, 'http:localhost/cb', 'odd-host'],
    [2, 'http:///localhost/cb', 'odd-host'],
    [2, 'http://localhost./cb', 'odd-host'],
    [2, 'http://ⓛocalhost/cb', 'odd-character'],
    [3, 'https://*.example/cb', 'has-wildcard'],
    [3, 'https://*/cb', 'has-wildcard'],
    [3, 'https://app.example:*/cb', 'not-absolute'],
    [3, 'https://%2a.example/cb', 'odd-host'],
    [3, 'https://user:pass@app.example/cb', 'has-userinfo'],
    [3, 'https://@app.example/cb', 'has-userinfo'],
    [3, 'https://app.example@evil.example/cb', 'has-userinfo'],
    [3, 'cursor://user@host/cb', 'has-userinfo'],
    [3, 'https://app.example/cb#x', 'has-fragment'],
    [3, 'https://app.example/cb#', 'has-fragment'],
    [3, 'cursor://host/cb#x', 'has-fragment'],
    [3, `https://app.example/${'a'.repeat(maxRedirectUriCharacters)}`, 'too-long'],
    [3, 'https://app.example\\@evil.example/cb', 'odd-character'],
    [3, 'https://app.example/c b', 'odd-character'],
    [3, 'https://app.example/<script>', 'odd-character'],
    [3, 'https://app.example/"onload="x', 'odd-character'],
    [3, 'https://app.example/{x}|^`', 'odd-character'],
    [3, 'https://app.example/ü', 'odd-character'],
    [3, 'https://app.example/\u202e', 'odd-character'],
    [3, '', 'odd-character'],
    [3, '/cb', 'not-absolute'],
    [3, '//app.example/cb', 'not-absolute'],
    [3, 'app.example/cb', 'not-absolute'],
    [3, 'https://', 'not-absolute'],
    [3, 'https://app.example:99999/cb', 'not-absolute'],
    [3, 'https://app.example:/cb', 'odd-host'],
    [3, 'https:app.example/cb', 'odd-host'],
    [3, 'https:/app.example/cb', 'odd-host'],
    [3, 'https://.../cb', 'odd-host'],
    [3, 'https://app..example/cb', 'odd-host'],
    [3, 'https://app.example;sandbox/cb', 'odd-host'],
    [3, "https://'none'/cb", 'odd-host'],
    [3, 'https://app.example,sandbox/cb', 'odd-host'],
    [4, 'myapp://cb', 'scheme-not-allowed'],
    [4, 'slack://x', 'scheme-not-allowed'],
    [4, 'grokbots://x', 'scheme-not-allowed'],
    [4, 'cursors://x', 'scheme-not-allowed'],
    [4, 'vscode-evil://x', 'scheme-not-allowed'],
    [4, 'ftp://x.example/cb', 'scheme-not-allowed'],
    [4, 'ws://x.example/', 'scheme-not-allowed'],
    [4, 'mailto:a@b.example', 'scheme-not-allowed'],
    [4, 'tel:112', 'scheme-not-allowed'],
    [4, 'intent://x;end', 'scheme-not-allowed'],
    [4, 'com.:/x', 'scheme-not-allowed'],
    [4, 'com..example:/x', 'scheme-not-allowed'],
  ];

  it.each(cases)('ABUSE-%i: %j is %s', (_, uri, problem) => {
    expect(parseRedirectUri(uri)).toEqual({ problem });
  });
});

describe('a requested redirect URI', () => {
  const registered = ['http://localhost:8787/cb', 'http://127.0.0.1/', 'http://[::1]/cb', 'https://app.example/cb?x=1', 'cursor://host/cb'];

  it.each([
    ['http://localhost:8787/cb'],
    ['http://localhost:1/cb'],
    ['http://localhost/cb'],
    ['http://127.0.0.1:33418/'],
    ['http://[::1]:65535/cb'],
    ['https://app.example/cb?x=1'],
    ['cursor://host/cb'],
  ])('MCP-10: %s is a registered one', (uri) => {
    expect(isRegisteredRedirectUri(registered, uri)).toBe(true);
  });

  it.each([
    ['http://localhost/callback', 'http://localhost:54545/callback'],
    ['http://localhost/callback', 'http://localhost/callback'],
    ['http://127.0.0.1/callback', 'http://127.0.0.1:1/callback'],
    ['http://[::1]/callback', 'http://[::1]:49152/callback'],
    ['http://127.0.0.1', 'http://127.0.0.1:33418'],
  ])('MCP-10, MCP-30: %s, registered without a port, is met on any port (%s)', (one, requested) => {
    expect(isRegisteredRedirectUri([one], requested)).toBe(true);
    expect(isRegisteredRedirectUri([one], requested.replace('http:', 'https:'))).toBe(false);
    expect(isRegisteredRedirectUri([one], `${requested}/x`)).toBe(false);
  });

  it.each([
    ['the scheme in another case', 'HTTP://localhost:8787/cb'],
    ['the scheme in another case beyond loopback', 'HTTPS://app.example/cb?x=1'],
    ['a private-use scheme in another case', 'CURSOR://host/cb'],
    ['a percent-encoded letter', 'http://localhost:8787/%63b'],
    ['a percent-encoded letter beyond loopback', 'https://app.example/%63b?x=1'],
    ['a percent-encoded slash', 'https://app.example%2fcb?x=1'],
    ['a percent-encoded host', 'http://%6cocalhost:8787/cb'],
    ['dot segments that end there', 'https://app.example/x/../cb?x=1'],
    ['percent-encoded dot segments', 'https://app.example/x/%2e%2e/cb?x=1'],
    ['a doubled slash', 'http://localhost:8787//cb'],
    ['a backslash', 'http://localhost:8787\\cb'],
    ['a tab', 'http://localhost:8787/c\tb'],
    ['a space behind', 'https://app.example/cb?x=1 '],
    ['an empty fragment', 'https://app.example/cb?x=1#'],
    ['an empty query', 'http://localhost:8787/cb?'],
    ['a further parameter', 'https://app.example/cb?x=1&y=2'],
    ['the parameter twice', 'https://app.example/cb?x=1&x=1'],
    ['no query', 'https://app.example/cb'],
    ['a dot behind the host', 'https://app.example./cb?x=1'],
    ['a host below the registered one', 'https://evil.app.example/cb?x=1'],
    ['the registered host in front of another', 'https://app.example.evil.example/cb?x=1'],
    ['userinfo', 'https://app.example@evil.example/cb?x=1'],
    ['127.0.0.1 in another form', 'http://127.1/'],
    ['127.0.0.1 as a number', 'http://2130706433/'],
    ['127.0.0.1 with a leading zero', 'http://127.0.0.01/'],
    ['127.0.0.1 within IPv6', 'http://[::ffff:127.0.0.1]/'],
    ['::1 in full', 'http://[0:0:0:0:0:0:0:1]/cb'],
    ['localhost for 127.0.0.1', 'http://localhost/'],
    ['::1 for 127.0.0.1', 'http://[::1]/'],
    ['two ports', 'http://localhost:8787:8787/cb'],
    ['a sign before the port', 'http://localhost:+8787/cb'],
    ['a port on a private-use scheme', 'cursor://host:1/cb'],
    ['another private-use host', 'cursor://evil/cb'],
    ['one slash', 'cursor:/host/cb'],
  ])('MCP-10, ABUSE-19: with %s, is not', (_, uri) => {
    expect(isRegisteredRedirectUri(registered, uri)).toBe(false);
  });

  it.each([
    ['another loopback host', 'http://127.0.0.1:8787/cb'],
    ['another path', 'http://localhost:8787/cb/'],
    ['another query', 'http://localhost:8787/cb?x'],
    ['the path in another case', 'http://localhost:8787/CB'],
    ['the host in another case', 'http://LOCALHOST:8787/cb'],
    ['a path that ends there', 'http://localhost:8787/x/../cb'],
    ['https on loopback', 'https://localhost:8787/cb'],
    ['a port that is none', 'http://localhost:99999/cb'],
    ['a port that leads away', 'http://localhost:8787@evil.example/cb'],
    ['an empty port', 'http://localhost:/cb'],
    ['a fragment', 'http://localhost:8787/cb#x'],
    ['another port beyond loopback', 'https://app.example:8443/cb?x=1'],
    ['the default port spelled out', 'https://app.example:443/cb?x=1'],
    ['another query beyond loopback', 'https://app.example/cb?x=2'],
    ['a longer path', 'https://app.example/cb?x=1/../evil'],
    ['the same scheme only', 'cursor://host/other'],
    ['nothing', ''],
  ])('MCP-10, ABUSE-19: %s is not', (_, uri) => {
    expect(isRegisteredRedirectUri(registered, uri)).toBe(false);
  });
});

describe('whatever is typed', () => {
  const pieces = fc.constantFrom(
    'https:',
    'http:',
    'cursor:',
    'com.a:',
    'javascript:',
    '//',
    '/',
    'localhost',
    '127.0.0.1',
    '[::1]',
    'evil.example',
    ':80',
    '@',
    '*',
    ';',
    ',',
    "'",
    '%2e',
    '..',
    '#',
    '?',
    '\\',
    ' ',
    '\t',
  );
  const typed = fc.oneof(
    fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join('')),
    fc.webUrl(),
    fc.string(),
    fc.string({ unit: 'binary' }),
  );

  it('ABUSE-37: what a page allows as a form’s target is one plain source, whatever was registered', () => {
    fc.assert(
      fc.property(typed, (uri) => {
        if ('problem' in parseRedirectUri(uri)) return;
        expect(redirectSource(uri)).toMatch(/^(?:https?:\/\/(?:[a-z0-9._-]+|\[[0-9a-f:]+\])(?::\d+)?|[a-z][a-z0-9.-]*:)$/);
      }),
      { numRuns: 5_000 },
    );
  });

  it('ABUSE-2: what counts as loopback is reached on this machine, and nothing else goes over plain http', () => {
    fc.assert(
      fc.property(typed, (uri) => {
        const parsed = parseRedirectUri(uri);
        if ('problem' in parsed) return;
        const { protocol, hostname } = new URL(uri);
        expect(parsed.kind === 'loopback').toBe(protocol === 'http:');
        if (parsed.kind === 'loopback') expect(['localhost', '127.0.0.1', '[::1]']).toContain(hostname);
      }),
      { numRuns: 5_000 },
    );
  });

  it('MCP-10: is a registered one only when it may be registered itself, and leads to the same host and path', () => {
    fc.assert(
      fc.property(typed, typed, (registered, requested) => {
        if ('problem' in parseRedirectUri(registered) || !isRegisteredRedirectUri([registered], requested)) return;
        const [one, other] = [new URL(registered), new URL(requested)];
        expect([other.protocol, other.hostname, other.pathname, other.search]).toEqual([
          one.protocol,
          one.hostname,
          one.pathname,
          one.search,
        ]);
      }),
      { numRuns: 5_000 },
    );
  });
});
