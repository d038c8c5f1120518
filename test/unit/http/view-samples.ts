/** Samples of every view: each is rendered by a test, looked at by axe, and photographed. */
import { choiceContext, firstDraft, hasAsked, type Offer, switchGroup } from '../../../src/http/views/choice.ts';
import type { ConsentContext, ViewContexts, ViewName } from '../../../src/http/views/contexts.ts';
import { activitySamples, deeds } from './activity-samples.ts';
import { placesSamples, toolsSamples } from './connection-samples.ts';
import { keyEntries, keySamples } from './key-samples.ts';
import { bounded, firstOffer, forbidden, held, hostileTools, issueDifferences, issueTools, manyTools, repeatOffer } from './offers.ts';
import { agent, formToken, frame, now, person, server } from './sample-facts.ts';
import { toolTimeSamples } from './tool-time-samples.ts';

const newHere = {
  known: ['First seen just now.', 'Nobody here uses it now.', 'You have not used it before.'],
  warnings: [],
};

function consent(offer: Offer, changes: Partial<ConsentContext> = {}): ConsentContext {
  return {
    ...person,
    formToken,
    kind: 'consent',
    action: `${frame.issuer}/interaction/sample`,
    agent,
    server,
    redirect: { uri: 'http://localhost:53123/callback', target: 'localhost:53123', kind: 'loopback' },
    facts: newHere,
    isRepeat: offer.standing !== undefined,
    hasAsked: hasAsked(offer),
    choice: choiceContext(offer, firstDraft(offer), { now, marks: offer.standing !== undefined }),
    requestedScope: 'tools resources prompts',
    learns: [],
    accessTokenMinutes: 15,
    effectWithin: '15 seconds',
    ...changes,
  };
}

const withSearch = { ...firstDraft(firstOffer(manyTools)), query: 'record_11' };
const widened = repeatOffer(issueTools.slice(0, 5).concat(issueTools.slice(6, 7)), ['delete_issue']);
const drifted = repeatOffer(issueTools, ['send_email', 'run_script'], {
  changed: ['delete_issue', 'get_issue'],
  asked: [],
  before: issueDifferences,
});
const hostileDifference = repeatOffer(hostileTools, [], {
  changed: hostileTools.map(({ name }) => name),
  before: Object.fromEntries(
    hostileTools.map(({ name, description = '' }) => [
      name,
      {
        change: 'riskier' as const,
        before: { name, title: '"><img src=x>', description: `</del><script>\u202E ${description}`, annotations: {}, inputSchema: {} },
      },
    ]),
  ),
});
const hostile = firstOffer(hostileTools);

/** All samples, by view. */
export const viewSamples: { [Name in ViewName]: Readonly<Record<string, ViewContexts[Name]>> } = {
  start: { plain: frame },
  login: {
    account: { ...frame, formToken, action: `${frame.issuer}/account`, purpose: { kind: 'account' } },
    agent: {
      ...frame,
      formToken,
      action: `${frame.issuer}/interaction/sample`,
      purpose: { kind: 'agent', agent: agent.name, server: server.name },
    },
    wrong: {
      ...frame,
      formToken,
      action: `${frame.issuer}/account`,
      email: 'ada@example.com',
      problem: 'Email or password is wrong.',
      purpose: { kind: 'widen' },
    },
    again: {
      ...frame,
      formToken,
      action: `${frame.issuer}/interaction/sample`,
      email: 'ada@example.com',
      purpose: { kind: 'again', within: '5 minutes', for: ['Delete issue', 'run_script'] },
      carried: [
        ['again', '300'],
        ['tool', 'delete_issue'],
      ],
    },
  },
  consent: {
    first: consent(firstOffer(issueTools, true)),
    one: consent(firstOffer(issueTools.slice(3, 4))),
    hundred: consent(firstOffer(manyTools.slice(0, 100))),
    web: consent(firstOffer(issueTools), {
      agent: { name: 'ChatGPT', voucher: 'published by chatgpt.com', clientId: 'https://chatgpt.com/oauth/client.json' },
      redirect: { uri: 'https://chatgpt.com/connector_platform_oauth_redirect', target: 'chatgpt.com', kind: 'web' },
      facts: {
        known: ['First seen on 2 October 2026.', '3 people here use it.', 'You used it before, first on 5 October 2026.'],
        warnings: [],
      },
      learns: ['your email address', 'your name'],
      effectWithin: '15 minutes',
    }),
    elsewhere: consent(firstOffer(issueTools), {
      agent: { name: 'Acme Portal', clientId: 'https://acme.example/client.json' },
      redirect: { uri: 'https://callbacks.example/cb', target: 'callbacks.example', kind: 'web' },
      facts: {
        ...newHere,
        publisher: 'Its description is at acme.example, but your answer goes to callbacks.example: neither vouches for the other.',
      },
    }),
    famous: consent(firstOffer(issueTools), {
      agent: { name: 'Claude Code', clientId: 'https://claude.ai/oauth/claude-code-client-metadata' },
      facts: {
        known: ['First seen on 2 October 2026.', 'More than 100 people here use it.', 'You have not used it before.'],
        publisher: 'Its description is at claude.ai, but any program on this computer can use that description.',
        warnings: [],
      },
    }),
    lookalike: consent(firstOffer(issueTools), {
      agent: { name: 'Cl\u0430ude', clientId: 'cli_Xq0mJ9a4' },
      redirect: { uri: 'https://claude-ai.example/cb', target: 'claude-ai.example', kind: 'web' },
      facts: {
        ...newHere,
        warnings: [
          'Its name is made to look like “Claude”: some of its characters are others.',
          'It uses the name of Claude, which is at claude.ai. This one is at claude-ai.example.',
        ],
      },
    }),
    'lookalike-published': consent(firstOffer(issueTools), {
      agent: { name: 'Claude', voucher: 'published by claude-ai.example', clientId: 'https://claude-ai.example/client.json' },
      redirect: { uri: 'https://claude-ai.example/cb', target: 'claude-ai.example', kind: 'web' },
      facts: { ...newHere, warnings: ['It uses the name of Claude, which is at claude.ai. This one is at claude-ai.example.'] },
    }),
    quarantine: consent(held(firstOffer(issueTools))),
    bounded: consent(bounded(firstOffer(issueTools, true))),
    'bounded-repeat': consent(bounded(repeatOffer(issueTools, ['delete_issue']))),
    forbidden: consent(forbidden(firstOffer(issueTools))),
    'quarantine-repeat': consent(held(repeatOffer(issueTools, ['send_email', 'delete_issue', 'run_script']))),
    app: consent(firstOffer(issueTools.slice(0, 2)), {
      redirect: { uri: 'cursor://anysphere.cursor-retrieval/oauth/callback', target: 'cursor://', kind: 'app' },
    }),
    changed: consent(repeatOffer(issueTools.slice(0, 2), []), {
      agentChange: {
        name: { before: 'Issue helper', now: 'Claude <b>' },
        addedPlaces: ['evil.example'],
        removedPlaces: ['helper.example'],
        hasOtherAddresses: true,
        hasOtherKeys: true,
      },
    }),
    open: consent(firstOffer(issueTools), {
      choice: choiceContext(
        firstOffer(issueTools),
        switchGroup(firstOffer(issueTools), firstDraft(firstOffer(issueTools)), { risk: 'destructive', isOn: true }),
        { now, marks: false },
      ),
    }),
    repeat: consent(
      repeatOffer(issueTools, ['send_email', 'delete_issue', 'run_script'], {
        changed: ['add_comment'],
        asked: ['delete_issue'],
        before: issueDifferences,
      }),
    ),
    many: consent(firstOffer(manyTools), { choice: choiceContext(firstOffer(manyTools), withSearch, { now, marks: false }) }),
    nothing: consent(firstOffer(issueTools), {
      choice: choiceContext(
        firstOffer(issueTools),
        { ...firstDraft(firstOffer(issueTools)), ticked: new Set() },
        { now, marks: false, problem: 'Nothing is ticked. Tick at least one tool, or press Deny.' },
      ),
    }),
    hostile: consent(hostile, {
      agent: { name: '<script>document.title="owned"</script>', clientId: '"><script>document.title="owned"</script>' },
      choice: choiceContext(
        hostile,
        switchGroup(hostile, switchGroup(hostile, firstDraft(hostile), { risk: 'write', isOn: true }), { risk: 'read', isOn: true }),
        { now, marks: false },
      ),
      requestedScope: '<script>document.title="owned"</script>',
    }),
    'hostile-difference': consent(hostileDifference),
    paused: consent({ ...drifted, standing: { tools: [], resources: false, prompts: false, ...drifted.standing, isPaused: true } }),
    widen: (({ redirect: _, requestedScope: __, facts: ___, ...rest }) => rest)(
      consent(widened, {
        kind: 'widen',
        action: `${frame.issuer}/widen`,
        refusal: '“Delete issue” is refused, because you have not allowed it.',
      }),
    ),
  },
  account: {
    empty: { ...person, formToken, email: 'ada@example.com', connections: [], activity: { days: [], hasMore: false }, keys: [] },
    connected: {
      ...person,
      formToken,
      email: 'ada@example.com',
      notice: 'Saved. It takes effect within 15 seconds.',
      activity: { days: deeds.slice(0, 1), newSince: '22 November 2026, 09:12 UTC', hasMore: true },
      connections: [
        {
          id: 'cns_one',
          agent,
          server,
          counts: [
            { risk: 'read', title: 'Read', count: 2 },
            { risk: 'write', title: 'Change', count: 3 },
            { risk: 'destructive', title: 'Delete or overwrite', count: 1 },
          ],
          openWorldCount: 1,
          resources: true,
          prompts: false,
          waiting: [{ title: 'Delete issue', reason: 'it may do more than when you allowed it: look at it under Change' }],
          isPaused: false,
          tools: [
            { value: 'list_issues', title: 'List issues', risk: 'read', openWorld: false, lastCalled: '23 November 2026, 14:01 UTC' },
            { value: 'search_web', title: 'Search the web', risk: 'read', openWorld: true },
            {
              value: 'create_issue',
              title: 'Create issue',
              risk: 'write',
              openWorld: false,
              lastCalled: '2 October 2026',
              until: '30 November 2026',
            },
            { value: '"><script>', title: '<script>document.title="owned"</script>', risk: 'destructive', openWorld: false },
          ],
          toolCount: 240,
          allTools: `${frame.issuer}/account/consents/cns_one/tools`,
          reportsCalls: true,
          unused: [
            { value: 'search_web', title: 'Search the web' },
            { value: '"><script>document.title="owned"</script>', title: '<script>document.title="owned"</script>' },
          ],
          isUnused: false,
          installations: [
            {
              id: 'ins_one',
              since: '2 October 2026',
              browser: 'Firefox on Linux',
              address: '2001:db8::7',
              lastUsed: '23 November 2026, 14:01 UTC',
            },
            { id: 'ins_two', since: '20 November 2026', lastUsed: 'not yet' },
          ],
          installationCount: 45,
          allPlaces: `${frame.issuer}/account/consents/cns_one/places`,
          until: '23 December 2026',
          allowedOn: '23 November 2026',
          lastUsed: '23 November 2026, 14:01 UTC',
        },
        {
          id: 'cns_two',
          agent: { name: 'Release bot', voucher: 'set up by whoever runs this site', clientId: 'cli_two' },
          server: { name: 'Deploys', resource: 'https://deploys.acme.example/mcp' },
          counts: [{ risk: 'read', title: 'Read', count: 4 }],
          openWorldCount: 0,
          resources: false,
          prompts: false,
          waiting: [],
          isPaused: true,
          tools: [{ value: 'list_deploys', title: 'List deploys', risk: 'read', openWorld: false }],
          toolCount: 1,
          reportsCalls: false,
          unused: [],
          isUnused: false,
          installations: [{ id: 'ins_three', since: '2 October 2026', address: '192.0.2.7', lastUsed: 'not yet' }],
          installationCount: 1,
          until: 'you revoke it',
          allowedOn: '2 October 2026',
          lastUsed: 'not yet',
        },
      ],
      keys: keyEntries,
    },
  },
  places: placesSamples,
  tools: toolsSamples,
  activity: activitySamples,
  ...keySamples,
  change: {
    drifted: {
      ...person,
      formToken,
      action: `${frame.issuer}/account/consents/cns_one`,
      agent,
      server,
      choice: choiceContext(drifted, firstDraft(drifted), { now, marks: false }),
      effectWithin: '15 seconds',
    },
  },
  revoke: {
    plain: { ...person, formToken, action: `${frame.issuer}/account/consents/cns_one/revoke`, agent, server, effectWithin: '15 seconds' },
  },
  'tool-time': toolTimeSamples,
  password: {
    plain: { ...person, formToken, action: `${frame.issuer}/account/password`, email: 'ada@example.com', minimumCharacters: 15 },
    wrong: {
      ...person,
      formToken,
      action: `${frame.issuer}/account/password`,
      email: 'ada@example.com',
      minimumCharacters: 15,
      problem: 'The current password is wrong.',
    },
  },
  'sign-out': {
    own: { ...person, action: `${frame.issuer}/account/sign-out`, fields: [{ name: 'form_token', value: formToken }] },
    client: { ...person, action: `${frame.issuer}/logout/confirm`, fields: [{ name: 'xsrf', value: 'sample' }], agent: 'Acme portal' },
  },
  link: {
    invitation: {
      ...frame,
      formToken,
      action: `${frame.issuer}/link/sample`,
      purpose: 'invitation',
      email: 'ada@example.com',
      minimumCharacters: 15,
      until: '23 November 2026, 15:00 UTC',
    },
    reset: {
      ...frame,
      formToken,
      action: `${frame.issuer}/link/sample`,
      purpose: 'password-reset',
      email: 'ada@example.com',
      minimumCharacters: 15,
      until: '23 November 2026, 15:00 UTC',
    },
    admin: {
      ...frame,
      formToken,
      action: `${frame.issuer}/link/sample`,
      purpose: 'first-admin',
      minimumCharacters: 15,
      until: '23 November 2026, 14:20 UTC',
      problem: 'This password is too short.',
    },
  },
  done: {
    plain: {
      ...frame,
      title: 'You are signed out',
      text: 'Connected agents keep what you allowed them.',
      next: { href: `${frame.issuer}/account`, label: 'Sign in' },
    },
  },
  error: {
    client: {
      ...frame,
      title: 'This agent’s id is not accepted here',
      what: 'An agent sent you here with an id that is not known on this site. It may have been removed, or it belongs to another site.',
      steps: [
        'Remove the MCP server in your agent (your MCP client) and add it again; it then introduces itself anew.',
        'If that does not help, ask whoever runs this site.',
      ],
      facts: [{ name: 'Client id', value: 'cli_gone"><script>document.title="owned"</script>' }],
      requestId: 'req_4Zt0aQ',
    },
    request: {
      ...frame,
      title: 'The agent’s request cannot be understood',
      what: 'It asks for something that this site does not do, or asks in a way that it does not accept. Nothing was allowed.',
      steps: [
        'Update your agent, then connect to the server again.',
        'If that does not help, tell whoever makes the agent what stands below.',
      ],
      wayBack: {
        href: 'https://agent.example/cb?error=invalid_request&iss=x"><script>document.title="owned"</script>',
        who: 'agent.example',
      },
      developer: {
        parameter: 'code_challenge, code_challenge_method',
        rule: 'Every client uses PKCE with S256.',
        fix: 'Send both; “plain” and a missing method are refused.',
      },
      facts: [{ name: 'Agent', value: 'An agent' }],
      requestId: 'req_4Zt0aQ',
    },
    fault: {
      ...frame,
      title: 'Something broke on our side',
      what: 'It is not your fault, and nothing was changed.',
      steps: ['Try again in a moment.'],
      facts: [],
      requestId: 'req_4Zt0aQ',
    },
  },
};
