/** A new API key of one's own: for which server, made of which tools. It acts as the person who makes it, and as nobody else. */
import type { Context } from 'koa';
import { parseServerId } from '../../domain/ids.ts';
import { type ApiKeyCreation, createApiKey } from '../../services/create-api-key.ts';
import { type ApiKeyProposal, prepareApiKey } from '../../services/prepare-api-key.ts';
import { formFrame, frameOf, originOf, showPage } from '../answer.ts';
import { formTokenField } from '../form-guard.ts';
import { HttpProblem } from '../http-problem.ts';
import type { Form } from '../request-body.ts';
import type { Person } from '../route.ts';
import type { Site } from '../site.ts';
import { choiceContext, type Draft, longest, unfolded } from '../views/choice.ts';
import type { ChoiceContext } from '../views/contexts.ts';
import { inWords } from '../views/instants.ts';
import { exactSpan } from '../views/policy-words.ts';
import { keyName, tooManyKeys } from './api-key-entry.ts';
import { draftOf, pressedOf } from './draft.ts';
import { showServersForKeys } from './key-servers.ts';

/** How long a key may live, in days. */
const lifetimes = { '30d': 30, '90d': 90, '365d': 365 } as const;
type Lifetime = keyof typeof lifetimes;
const lifetimeLabels: Readonly<Record<Lifetime, string>> = { '30d': '30 days', '90d': '90 days', '365d': '1 year' };

const maxNameCharacters = 80;

/** What has been typed and ticked so far. */
interface KeyDraft extends Draft {
  name: string;
  lifetime: Lifetime;
}

const nothing: KeyDraft = {
  ticked: new Set(),
  resources: false,
  prompts: false,
  duration: 'unchanged',
  query: '',
  openGroups: new Set(),
  name: '',
  lifetime: '90d',
};

/** All that the form has; whoever sends anything else wants more than this page gives (ABUSE-63). */
const fields = new Set([formTokenField, 'shown', 'name', 'tool', 'resources', 'prompts', 'lifetime', 'query', 'open', 'do']);

/** Shows the servers, or what one of them has. */
export async function showNewKey(ctx: Context, site: Site, person: Person): Promise<void> {
  if (ctx.query['server'] !== undefined)
    return showForm(ctx, site, { person, proposal: await proposalOf(ctx, site, person), draft: nothing });
  await showServersForKeys(ctx, site, person);
}

/** Makes a key, and shows it this once. */
export async function submitNewKey(ctx: Context, site: Site, { person, form }: { person: Person; form: Form }): Promise<void> {
  const more = form.names().find((name) => !fields.has(name));
  if (more !== undefined) throw new HttpProblem('form-privileged', { message: 'a field that this form does not have' });
  const proposal = await proposalOf(ctx, site, person);
  const draft = keyDraftOf(form, proposal);
  if (pressedOf(form) !== 'save') return showForm(ctx, site, { person, proposal, draft });
  if (draft.name === '')
    return showForm(ctx, site, { person, proposal, draft, problem: 'Give the key a name, by which you know it again.' });
  const made = await createApiKey(site.runtime, site.tenant, {
    name: draft.name,
    owner: { userId: person.userId },
    lifetimeSeconds: Math.min(secondsOf(draft.lifetime), longest(proposal) ?? Number.POSITIVE_INFINITY),
    serverId: proposal.server.id,
    tools: [...draft.ticked],
    resources: draft.resources,
    prompts: draft.prompts,
    shownDigest: form.text('shown'),
    origin: originOf(ctx, person.userId),
  });
  if (!made.ok) {
    const problem = words(made.problem);
    const isOutdated = made.problem.kind === 'page-outdated';
    const [current, next] = isOutdated
      ? [await proposalOf(ctx, site, person), { ...nothing, name: draft.name, lifetime: draft.lifetime }]
      : [proposal, draft];
    return showForm(ctx, site, { person, proposal: current, draft: next, problem });
  }
  const { key, secret } = made;
  const { name, resource } = proposal.server;
  const until = inWords(key.expiresAt, site.runtime.clock.now());
  showPage(ctx, site, {
    view: 'key-told',
    context: { ...frameOf(site.tenant, person.email), id: key.id, name: keyName(key), server: { name, resource }, secret, until },
  });
}

/** Why there is no key: words for the same page once more. */
function words(problem: Extract<ApiKeyCreation, { ok: false }>['problem']): string {
  switch (problem.kind) {
    case 'nothing-chosen':
      return 'Nothing is ticked. Tick at least one tool.';
    case 'too-many-keys':
      return tooManyKeys;
    case 'name-taken':
      return 'You have a key of this name. Choose another name, or replace that key where it is no longer known.';
    case 'page-outdated':
      return 'The server’s tools changed while this page was open. This is how they are now. No key was made.';
    case 'unknown-tool':
      throw new HttpProblem('bad-request', { message: 'a tool that the server does not have' });
    case 'unknown-server':
    case 'unknown-account':
    case 'account-disabled':
    case 'not-assigned':
      throw new HttpProblem('not-found', { message: problem.kind });
    default:
      return problem satisfies never;
  }
}

async function proposalOf(ctx: Context, site: Site, { userId }: Person): Promise<ApiKeyProposal> {
  const named = ctx.query['server'];
  const serverId = typeof named === 'string' ? parseServerId(named) : undefined;
  const proposal = serverId && (await prepareApiKey(site.runtime, site.tenant, { userId, serverId }));
  if (!proposal) throw new HttpProblem('not-found', { message: 'a key for no server' });
  return proposal;
}

function keyDraftOf(form: Form, proposal: ApiKeyProposal): KeyDraft {
  const lifetime = form.text('lifetime');
  return {
    ...draftOf(form, proposal),
    name: form.text('name').trim().slice(0, maxNameCharacters),
    lifetime: Object.hasOwn(lifetimes, lifetime) ? (lifetime as Lifetime) : nothing.lifetime,
  };
}

function showForm(ctx: Context, site: Site, page: { person: Person; proposal: ApiKeyProposal; draft: KeyDraft; problem?: string }): void {
  const { person, proposal, draft, problem } = page;
  const { id, name, resource } = proposal.server;
  const now = site.runtime.clock.now();
  const choice = choiceContext(proposal, unfolded(draft, proposal), { now, marks: false, ...(problem !== undefined && { problem }) });
  showPage(ctx, site, {
    view: 'key-new',
    context: {
      ...formFrame(ctx, site, person.email),
      action: `${site.tenant.issuer}/account/keys/new?server=${id}`,
      server: { name, resource },
      name: draft.name,
      maxNameCharacters,
      choice: { ...choice, isForKey: true, durations: lifetimeOptions(draft.lifetime, { most: longest(proposal), now }) },
    },
  });
}

/** How long a key may live, to choose from: at most as long as policy lets it use anything. */
export function lifetimeOptions(chosen: string, { most, now }: { most: number | undefined; now: Date }): ChoiceContext['durations'] {
  const all = Object.keys(lifetimes) as Lifetime[];
  const within = all.filter((value) => most === undefined || secondsOf(value) <= most);
  const offered = within.some((value) => secondsOf(value) === most) ? within : all.slice(0, within.length + 1);
  return offered.map((value) => {
    const isCut = most !== undefined && secondsOf(value) > most;
    const end = inWords(new Date(now.getTime() + (isCut ? most : secondsOf(value)) * 1_000), now);
    const label = isCut ? `${exactSpan(most)}, the most your organisation allows` : lifetimeLabels[value];
    return { value, label: `${label} (${end})`, selected: value === chosen };
  });
}

function secondsOf(lifetime: Lifetime): number {
  return lifetimes[lifetime] * 86_400;
}
