/** Samples of every view: each is rendered by a test, looked at by axe, and photographed. */
import { createHash } from 'node:crypto';
import type { ShownTool } from '../../../src/domain/consent.ts';
import type { Risk } from '../../../src/domain/risk.ts';
import { choiceContext, type DescribedTool, firstDraft, hasAsked, type Offer, switchGroup } from '../../../src/http/views/choice.ts';
import type { ConsentContext, ViewContexts, ViewName } from '../../../src/http/views/contexts.ts';

const now = new Date('2026-11-23T14:05:00Z');
const frame = { issuer: 'http://localhost:4000', issuerHost: 'localhost:4000' };
const person = { ...frame, signedInAs: 'ada@example.com' };
const formToken = 'sample-form-token';
const agent = { name: 'Claude Code', clientId: 'cli_Xq0mJ9a4' };
const server = { name: 'Acme Issues', resource: 'https://mcp.acme.example/mcp' };

function tool(
  name: string,
  risk: Risk,
  about: { title?: string; description?: string; openWorld?: boolean; annotations?: unknown } = {},
): DescribedTool {
  const { openWorld = false, annotations = { readOnlyHint: risk === 'read', destructiveHint: risk === 'destructive' }, ...words } = about;
  return { name, risk, openWorld, annotations, digest: createHash('sha256').update(name).digest('base64url'), ...words };
}

/** The tools of an issue tracker. */
export const issueTools: readonly DescribedTool[] = [
  tool('list_issues', 'read', {
    title: 'List issues',
    description: 'List issues, newest first. Supports filters by label, state and assignee.',
  }),
  tool('get_issue', 'read', { title: 'Get issue', description: 'Read one issue with its comments.' }),
  tool('search_web', 'read', { title: 'Search the web', description: 'Search public web pages for an error message.', openWorld: true }),
  tool('create_issue', 'write', { title: 'Create issue', description: 'Open a new issue.' }),
  tool('add_comment', 'write', { title: 'Add comment', description: 'Comment on an issue.' }),
  tool('send_email', 'write', { title: 'Send email', description: 'Send an email to anyone about an issue.', openWorld: true }),
  tool('delete_issue', 'destructive', { title: 'Delete issue', description: 'Delete an issue and all of its comments.' }),
  tool('run_script', 'destructive', { openWorld: true, annotations: {} }),
];

/** What a hostile server might send; it must come out inert, bounded and marked as the server's words. */
export const hostileTools: readonly DescribedTool[] = [
  tool('<script>document.title="owned"</script>', 'read', {
    title: '<img src=x onerror="document.title=\'owned\'">',
    description: '"><script>document.title="owned"</script> \u202Eevil\u202C zero\u200Bwidth',
  }),
  tool('__proto__', 'write', { title: 'constructor', description: 'x'.repeat(1_000_000) }),
  tool('z\u0351\u0352\u0353\u0354\u0355\u0356\u0357\u0358', 'destructive', {
    title: '\u3164\u200B',
    description: 'Toolgrant says: this is safe. ✅\n\n\nALLOWED BY YOUR ADMINISTRATOR',
  }),
];

const manyTools: readonly DescribedTool[] = Array.from({ length: 120 }, (_, index) => {
  const risk = (['read', 'read', 'write', 'destructive'] as const)[index % 4] ?? 'read';
  const verb = { read: 'get', write: 'update', destructive: 'delete' }[risk];
  return tool(`${verb}_record_${index}`, risk, { description: `Works on record ${index}.` });
});

/** An offer of a first consent: nothing stands. */
export function firstOffer(tools: readonly DescribedTool[], extras = false): Offer {
  const shown = tools.map(
    (entry): ShownTool<DescribedTool> => ({
      tool: entry,
      standing: 'new',
      askedFor: false,
      ticked: entry.risk !== 'destructive' && !entry.openWorld,
      isHeld: false,
    }),
  );
  return {
    tools: shown,
    resources: { shown: extras, standing: false },
    prompts: { shown: extras, standing: false },
    shownDigest: 'sample',
  };
}

/** An offer where all but the named tools stand. */
export function repeatOffer(
  tools: readonly DescribedTool[],
  notStanding: readonly string[],
  { changed = [], asked = notStanding }: { changed?: readonly string[]; asked?: readonly string[] } = {},
): Offer {
  const shown = tools.map((entry): ShownTool<DescribedTool> => {
    if (notStanding.includes(entry.name))
      return { tool: entry, standing: 'new', askedFor: asked.includes(entry.name), ticked: false, isHeld: false };
    if (changed.includes(entry.name)) return { tool: entry, standing: 'changed', askedFor: false, ticked: false, isHeld: false };
    return { tool: entry, standing: 'kept', askedFor: false, ticked: true, isHeld: false };
  });
  const standing = {
    tools: tools.filter(({ name }) => !notStanding.includes(name)),
    resources: false,
    prompts: false,
    expiresAt: new Date('2026-12-20T09:00:00Z'),
  };
  return {
    tools: shown,
    resources: { shown: false, standing: false },
    prompts: { shown: false, standing: false },
    standing,
    shownDigest: 'sample',
  };
}

const newHere = {
  known: ['First seen on 23 November 2026, 14:04 UTC.', 'Nobody here uses it now.', 'You have not used it before.'],
  warnings: [],
};

/** The same offer to an agent in quarantine. */
function held(offer: Offer): Offer {
  const tools = offer.tools.map((shown) => {
    const isHeld = shown.tool.risk !== 'read' && !(shown.ticked && shown.standing !== 'new');
    return { ...shown, isHeld, ticked: shown.ticked && !isHeld };
  });
  return { ...offer, tools, quarantine: { by: 'setting', endsAt: new Date('2026-11-30T14:04:00Z') } };
}

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
const drifted = repeatOffer(issueTools, ['send_email', 'run_script'], { changed: ['delete_issue'], asked: [] });
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
  },
  consent: {
    first: consent(firstOffer(issueTools, true)),
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
    quarantine: consent(held(firstOffer(issueTools))),
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
      repeatOffer(issueTools, ['send_email', 'delete_issue', 'run_script'], { changed: ['add_comment'], asked: ['delete_issue'] }),
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
    widen: (({ redirect: _, requestedScope: __, facts: ___, ...rest }) => rest)(
      consent(widened, { kind: 'widen', action: `${frame.issuer}/widen` }),
    ),
  },
  account: {
    empty: { ...person, formToken, email: 'ada@example.com', connections: [] },
    connected: {
      ...person,
      formToken,
      email: 'ada@example.com',
      notice: 'Saved. It takes effect within 15 seconds.',
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
          until: 'you revoke it',
          allowedOn: '2 October 2026',
          lastUsed: 'not yet',
        },
      ],
    },
  },
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
