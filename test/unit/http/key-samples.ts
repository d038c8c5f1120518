/** Samples of the pages about API keys. */
import { type Risk, risks } from '../../../src/domain/risk.ts';
import { lifetimeOptions } from '../../../src/http/pages/new-api-key.ts';
import { choiceContext, firstDraft } from '../../../src/http/views/choice.ts';
import type { KeyAskContext, KeyContext, NewKeyContext } from '../../../src/http/views/contexts.ts';
import { firstOffer, issueTools, manyTools } from './offers.ts';
import { formToken, frame, now, person, server } from './sample-facts.ts';

const sampleKeyId = 'key_0123456789abcdefghij';
const sampleKey = 'tgk_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZab0yIm7m';

function newKey(tools: typeof issueTools, changes: Partial<NewKeyContext> = {}, problem?: string): NewKeyContext {
  const offer = firstOffer(tools, true);
  const openGroups = tools.length < 20 ? new Set(risks) : new Set<Risk>();
  const nothing = { ...firstDraft(offer), ticked: new Set<string>(), resources: false, prompts: false, openGroups };
  const choice = choiceContext(offer, nothing, { now, marks: false, ...(problem !== undefined && { problem }) });
  return {
    ...person,
    formToken,
    action: `${frame.issuer}/account/keys/new?server=srv_one`,
    server,
    name: '',
    maxNameCharacters: 80,
    choice: { ...choice, durations: lifetimeOptions('90d', { most: undefined, now }) },
    ...changes,
  };
}

function keyAsk(kind: KeyAskContext['kind'], changes: Partial<KeyAskContext> = {}): KeyAskContext {
  const action = `${frame.issuer}/account/keys/key_one/${kind}`;
  const about = { name: 'Nightly report', server, effectWithin: '15 seconds', made: '1795442700000', isOver: false };
  return { ...person, formToken, kind, action, ...about, ...changes };
}

const twoKeys = { madeOn: '23 November 2026, 09:30 UTC', oldUntil: '24 November 2026, 09:30 UTC' };

/** Entries under "API keys". */
export const keyEntries: readonly KeyContext[] = [
  {
    id: 'key_one',
    name: 'Nightly report',
    server,
    tools: ['get_issue', 'list_issues'],
    moreTools: 0,
    counts: [{ risk: 'read', title: 'Read', count: 2 }],
    openWorldCount: 0,
    resources: false,
    prompts: false,
    waiting: [],
    until: '21 February 2027',
    madeOn: '23 November 2026, 09:30 UTC',
    isReplaced: true,
    lastUsed: '23 November 2026, 14:00 UTC',
    oldUntil: '24 November 2026, 09:30 UTC',
  },
  {
    id: 'key_two',
    name: 'Release script',
    server: { name: 'Deploys', resource: 'https://deploys.acme.example/mcp' },
    tools: ['announce', 'create_release', 'get_release', 'list_releases', 'list_tags', 'tag'],
    moreTools: 5,
    counts: [
      { risk: 'read', title: 'Read', count: 7 },
      { risk: 'write', title: 'Change', count: 4 },
    ],
    openWorldCount: 1,
    resources: true,
    prompts: true,
    waiting: [{ title: 'publish', reason: 'it may do more than when you made the key: make another one' }],
    until: '1 December 2026',
    madeOn: '2 September 2026',
    isReplaced: false,
    lastUsed: 'not yet',
    end: 'soon',
  },
  {
    id: 'key_three',
    name: '"><script>document.title="owned"</script>',
    server,
    tools: ['a-rather-long-name-of-a-tool-that-has-no-place-to-break-at-all'],
    moreTools: 0,
    counts: [{ risk: 'destructive', title: 'Delete or overwrite', count: 1 }],
    openWorldCount: 0,
    resources: false,
    prompts: false,
    waiting: [],
    until: '20 November 2026',
    madeOn: '21 October 2026',
    isReplaced: false,
    lastUsed: '19 November 2026',
    end: 'over',
  },
];

const allServers = { all: `${frame.issuer}/account/keys/new` };

/** By view. */
export const keySamples = {
  'key-servers': {
    none: { ...person, ...allServers, servers: [] },
    unfound: { ...person, ...allServers, servers: [], search: { query: '"><script>', maxCharacters: 100 } },
    some: {
      ...person,
      ...allServers,
      search: { query: '', maxCharacters: 100 },
      previous: `${allServers.all}?before=srv_one`,
      next: `${allServers.all}?after=srv_two`,
      servers: [
        { href: `${frame.issuer}/account/keys/new?server=srv_one`, ...server },
        {
          href: `${frame.issuer}/account/keys/new?server=srv_two`,
          name: '<script>document.title="owned"</script>',
          resource: 'https://deploys.acme.example/a-rather-long-path-that-has-no-place-to-break/mcp',
        },
      ],
    },
  },
  'key-new': {
    first: newKey(issueTools),
    many: newKey(manyTools, { name: 'Nightly report' }),
    unnamed: newKey(issueTools, {}, 'Give the key a name, by which you know it again.'),
  },
  'key-told': {
    made: { ...person, id: sampleKeyId, name: 'Nightly report', server, secret: sampleKey, until: '21 February 2027' },
    replaced: {
      ...person,
      id: sampleKeyId,
      name: 'Nightly report',
      server,
      secret: sampleKey,
      until: '21 February 2027',
      replaced: { oldUntil: '24 November 2026, 14:05 UTC' },
    },
    ended: { ...person, id: sampleKeyId, name: '"><script>', server, secret: sampleKey, until: '21 February 2027', replaced: {} },
  },
  'key-ask': {
    revoke: keyAsk('revoke'),
    replace: keyAsk('replace'),
    over: keyAsk('replace', { isOver: true }),
    short: keyAsk('replace', { oldUntil: '23 November 2026, 18:30 UTC' }),
    two: keyAsk('replace', { two: twoKeys, name: '"><script>' }),
    late: keyAsk('replace', { two: twoKeys, problem: 'This key was replaced while the page was open. Nothing was changed now.' }),
  },
};
