import { domainToASCII } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { answerPlace } from '../../../src/domain/client-trust.ts';
import { isOneEditApart } from '../../../src/domain/edit-distance.ts';
import { type KnownClient, knownClients } from '../../../src/domain/known-clients.ts';
import { createLookAlikeFinder } from '../../../src/domain/look-alike.ts';
import { skeletonOf } from '../../../src/domain/skeleton.ts';
import { registrationBodies } from '../../support/registration-bodies.ts';

const find = createLookAlikeFinder(knownClients);
const kinds = (name: string, ...hosts: string[]) => find({ name, hosts }).map(({ kind }) => kind);

describe('clients as they are in the field', () => {
  const real: [name: string, ...hosts: string[]][] = [
    ['Claude', 'claude.ai'],
    ['Claude', 'claude.com'],
    ['Claude'],
    ['Claude Code'],
    ['Claude Code (tracker)'],
    ['Claude Code', 'claude.ai'],
    ['ChatGPT', 'chatgpt.com'],
    ['ChatGPT', 'chatgpt.com', 'platform.openai.com'],
    ['OpenAI', 'platform.openai.com'],
    ['Codex'],
    ['Codex CLI'],
    ['Visual Studio Code', 'vscode.dev'],
    ['Visual Studio Code - Insiders', 'vscode.dev', 'insiders.vscode.dev'],
    ['VS Code'],
    ['GitHub Copilot', 'github.com'],
    ['GitHub Copilot CLI'],
    ['Cursor', 'www.cursor.com'],
    ['Cursor', 'cursor.com', 'www.cursor.com'],
    ['Cursor'],
    ['Windsurf', 'windsurf.com'],
    ['Windsurf'],
    ['Zed'],
    ['Zed', 'zed.dev'],
    ['goose', 'block.github.io'],
    ['Goose'],
    ['Gemini CLI'],
    ['Gemini CLI MCP Client'],
    ['Le Chat', 'chat.mistral.ai'],
    ['Perplexity', 'www.perplexity.ai'],
    ['LibreChat MCP Client', 'chat.acme.example'],
    ['MCP Inspector'],
    ['MCP CLI Proxy (0.1.38)'],
    ['OpenCode'],
    ['n8n', 'oauth.n8n.cloud'],
    ['Cline'],
    ['Roo Code'],
    ['Kiro'],
    ['Warp'],
    ['Amp', 'ampcode.com'],
    ['Raycast', 'www.raycast.com'],
    ['JetBrains AI Assistant'],
    ['5ire'],
    ['Microsoft Copilot Studio', 'token.botframework.com'],
    ['Notion', 'www.notion.so'],
    ['Replit', 'replit.com'],
    ['v0', 'v0.app'],
    ['Lovable', 'lovable.dev'],
    ['Agent', 'someone.github.io'],
    ['Acme Portal', 'portal.acme.example'],
    ['Tools for Claude', 'tools.acme.example'],
    ['Claudia', 'claudia.example'],
    ['Zen', 'zen.example'],
    ['Agent modéle été', 'agent.example'],
    ['Яндекс Браузер', 'browser.yandex.example'],
    ['Ελληνικός βοηθός', 'agent.example'],
    ['東京エージェント AI', 'agent.example'],
    ['한국어 도우미 pro', 'agent.example'],
    ['مساعد البرمجة', 'agent.example'],
    ['Müller & Söhne 2000', 'xn--mller-kva.example'],
    ['\u{1F680} Rocket', 'agent.example'],
    ['', 'agent.example'],
  ];

  it.each(real)('get no warning: %s %s', (name, ...hosts) => {
    expect(find({ name, hosts: hosts.filter((host) => host !== undefined) })).toEqual([]);
  });
});

describe('clients as they register', () => {
  it.each(Object.entries(registrationBodies))('get no warning: %s', (_, body) => {
    const places = body.redirect_uris.map(answerPlace);
    const name = 'client_name' in body ? body.client_name : undefined;
    expect(find({ name, hosts: places.flatMap((place) => (place.kind === 'web' ? [place.host] : [])) })).toEqual([]);
  });
});

describe('MCP-17: names that are somebody else’s', () => {
  it.each([
    ['Claude', 'evil.example'],
    ['claude', 'evil.example'],
    ['CLAUDE CODE', 'evil.example'],
    ['Claude (official)', 'evil.example'],
    ['Chat GPT', 'evil.example'],
    ['Visual Studio Code', 'evil.example'],
    ['Cursor', 'evil.example'],
    ['Zed', 'evil.example'],
    ['Claude\u2122', 'evil.example'],
    ['Claude|', 'evil.example'],
    ['C l a u d e', 'evil.example'],
    ['C.l.a.u.d.e', 'evil.example'],
    ['ClaudeCode', 'evil.example'],
  ])('%s from %s', (name, host) => {
    expect(kinds(name, host)).toEqual(['name-from-elsewhere']);
  });

  it('says whose name it is, where that one is, and where this one is', () => {
    expect(find({ name: 'Claude', hosts: ['claude.ai', 'evil.example:8443'] })).toEqual([
      { kind: 'name-from-elsewhere', known: 'Claude', knownHost: 'claude.ai', host: 'evil.example' },
    ]);
  });

  it.each([
    'Cl\u0430ude', // Cyrillic
    '\u0421laude',
    'CIaude', // a capital I
    'C1aude',
    'C|aude',
    'Cl\u0430ud\u0435 C\u043ede',
    '\uff23\uff4c\uff41\uff55\uff44\uff45', // full width
    '\u{1d402}\u{1d425}\u{1d41a}\u{1d42e}\u{1d41d}\u{1d41e}', // mathematical bold
    'Cla\u200bude',
    'Cla\u00adude',
    'ChatGP\u03a4',
    'Gernini',
    'Z\u0435d',
    'VS C0de',
    'Cla\u0301ude', // combining marks: an accent, a stroke, a ring
    'C\u0336l\u0336a\u0336u\u0336d\u0336e\u0336',
    'Claude\u20dd',
    'C\u0142aude',
    'Claud\u00e9',
    '\u1d04\u029f\u1d00\u1d1c\u1d05\u1d07', // small capitals
    '\u03f9hatGPT', // of which a compatible character is another letter
    'Cla\u2060ude',
    'Cla\u3164ude',
    'Cla\u{e0061}ude',
  ])('%j is written with other characters', (name) => {
    expect(kinds(name)).toContain('confusable-name');
    expect(kinds(name, 'evil.example')).toEqual(expect.arrayContaining(['confusable-name', 'name-from-elsewhere']));
  });

  it.each(['Cl\u0430ude', 'P\u0430yPal helper', '\u0391cme bot', 'Agent\u0435'])('%j mixes alphabets within a word', (name) => {
    expect(kinds(name)).toContain('mixed-alphabets');
  });

  it('a tenant’s own verified clients are known like the famous ones', () => {
    const own: KnownClient = { name: 'Acme Portal', names: ['Acme Portal'], hosts: ['portal.acme.example'], isDistinctive: false };
    const findHere = createLookAlikeFinder([...knownClients, own]);
    expect(findHere({ name: 'Acme Portal', hosts: ['portal.acme.example'] })).toEqual([]);
    expect(findHere({ name: 'Acme P\u043ertal', hosts: ['evil.example'] }).map(({ kind }) => kind)).toEqual([
      'confusable-name',
      'name-from-elsewhere',
      'mixed-alphabets',
    ]);
    // A name that a famous client and one of the tenant's own share is right at either.
    const ownClaude: KnownClient = { name: 'Claude', names: ['Claude'], hosts: ['proxy.acme.example'], isDistinctive: false };
    const findShared = createLookAlikeFinder([...knownClients, ownClaude]);
    expect(findShared({ name: 'Claude', hosts: ['proxy.acme.example'] })).toEqual([]);
    expect(findShared({ name: 'Claude', hosts: ['claude.ai'] })).toEqual([]);
    expect(findShared({ name: 'Claude', hosts: ['claude.ai', 'proxy.acme.example'] })).toHaveLength(1);
  });
});

describe('MCP-17: hosts that look like somebody else’s', () => {
  it.each([
    'claude-ai.example',
    'claude.ai.example',
    'login-claude-ai.example',
    'claudeai.example',
    'www.claude-ai.com',
    'c1aude.ai',
    'ciaude.ai',
    'cluade.ai',
    'claudes.ai',
    'claude.example',
    domainToASCII('cl\u0430ude.ai'),
    domainToASCII('api.cl\u0430ude.ai'),
    domainToASCII('\u0441laude-ai.example'),
    'chatgtp.com',
    'chatgpt-com.example',
    'chat-gpt.example',
    'vscode-dev.example',
    'vscode.example',
    'cursor-com.example',
    'cursors.com',
    'windsurf.example',
    'zed-dev.example',
    'c-l-a-u-d-e.ai',
    domainToASCII('claud\u00e9.ai'),
    domainToASCII('\u00e7laude.ai'),
    'claude.ai.',
  ])('%s', (host) => {
    expect(find({ name: 'An agent', hosts: [host] })).toEqual([
      { kind: 'host-looks-like', known: expect.any(String), knownHost: expect.any(String), host },
    ]);
  });

  it.each(['claude.ai', 'api.claude.ai', 'claude.com', 'chatgpt.com', 'cursor.com', 'cursor.example', 'ai.example', 'claudette.example'])(
    'not %s',
    (host) => {
      expect(find({ name: 'An agent', hosts: [host] })).toEqual([]);
    },
  );
});

/** The eye reads these, and no table does; pages say who gets the answer, and that nobody vouches for the name. */
describe('out of scope', () => {
  it.each(['Cl4ude', 'Klaude', 'Claude2', 'ClaudeAI', 'Official Claude', 'The Claude', 'Anthroplc'])('%s: other spellings', (name) => {
    expect(kinds(name, 'evil.example')).toEqual([]);
  });

  it.each(['claude.evil.example', 'claude-login.example', 'myclaude.example'])('%s: a name within a host of somebody else', (host) => {
    expect(find({ name: 'An agent', hosts: [host] })).toEqual([]);
  });
});

describe('skeletons (UTS 39 §4)', () => {
  it.each([
    ['paypal', 'p\u0430ypal'],
    ['Claude', 'CIaude'],
    ['google', 'g\u043e\u043egle'],
    ['rn', 'm'],
    ['\u00e9', 'e\u0301'],
    ['a', 'a\u200d'],
    ['\u01c9', 'lj'],
    ['\ufe81', 'l\u0303'],
    ['\u1d04\u029f\u1d00\u1d1c\u1d05\u1d07', 'claude'],
  ])('%j and %j look alike', (one, other) => {
    expect(skeletonOf(one)).toBe(skeletonOf(other));
  });

  it('of a skeleton is the skeleton, and of a normalized text that of the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        expect(skeletonOf(skeletonOf(text))).toBe(skeletonOf(text));
        expect(skeletonOf(text.normalize('NFD'))).toBe(skeletonOf(text.normalize('NFC')));
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('one slip', () => {
  it.each([
    ['claude', 'claud', true],
    ['claude', 'claudee', true],
    ['claude', 'clauda', true],
    ['claude', 'cluade', true],
    ['claude', 'claude', false],
    ['claude', 'cldaue', false],
    ['', 'a', true],
    ['ab', 'cd', false],
  ])('%s, %s: %s', (one, other, is) => {
    expect([isOneEditApart(one, other), isOneEditApart(other, one)]).toEqual([is, is]);
  });
});

describe('whatever strangers write', () => {
  it('ABUSE-6: is looked at without throwing, with a bounded answer', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 300 }),
        fc.array(
          fc.oneof(
            fc.domain(),
            fc.string({ maxLength: 40 }),
            fc.ipV6().map((ip) => `[${ip}]`),
          ),
          { maxLength: 11 },
        ),
        (name, hosts) => {
          const found = find({ name, hosts });
          expect(found.length).toBeLessThanOrEqual(2 + hosts.length + 100);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('takes part of a name no further than names go', () => {
    expect(kinds(`${'x'.repeat(200)}\u0430b`)).toEqual([]);
  });
});
