/** The pages of an authorization request: sign in, then consent. One address, which shows what is next; the engine says what that is. */
import type { Context } from 'koa';
import type { CurrentSession, InteractionProblem, PendingInteraction } from '../../oidc/engine-contract.ts';
import { type ClientFacts, findClientFacts } from '../../services/describe-client.ts';
import { describeRequest } from '../../services/describe-request.ts';
import { effectSeconds } from '../../services/list-consents.ts';
import { type ConsentProposal, prepareConsent } from '../../services/prepare-consent.ts';
import { formFrame, seeOther, showPage } from '../answer.ts';
import { HttpProblem } from '../http-problem.ts';
import type { Form } from '../request-body.ts';
import { allowFormTarget } from '../security-headers.ts';
import type { Site } from '../site.ts';
import { choiceContext, type Draft, firstDraft, hasAsked } from '../views/choice.ts';
import { spanInWords } from '../views/instants.ts';
import { readableName, readableText } from '../views/untrusted-text.ts';
import { agentChangeOf, agentOf, factsOf, redirectOf } from './agent.ts';
import { choiceProblem, endingProblem } from './choice-problem.ts';
import { answerOf, draftOf, pressedOf } from './draft.ts';
import { learnedThrough } from './learned.ts';
import { attemptSignIn, showLogin } from './sign-in.ts';
import { showSignInAgain, waitedFor } from './sign-in-again.ts';

/** Shows what the request waits for. */
export async function showInteraction(ctx: Context, site: Site): Promise<void> {
  const pending = await findPending(ctx, site);
  if (pending.step === 'sign-in') return showInteractionLogin(ctx, site, { pending });
  const proposal = await proposalFor(site, pending);
  const facts = await factsFor(site, pending, proposal);
  showConsent(ctx, site, { pending, proposal, facts, draft: firstDraft(proposal) });
}

/** Takes the answer. */
export async function answerInteraction(ctx: Context, site: Site, form: Form): Promise<void> {
  const pending = await findPending(ctx, site);
  if (pending.step === 'sign-in') return signInToInteraction(ctx, site, { pending, form });
  const pressed = pressedOf(form);
  if (pressed === 'deny') return seeOther(ctx, locationOf(await site.engine.interactions.deny(ctx, pending.uid)));
  if (pressed === 'sign-out') return seeOther(ctx, locationOf(await site.engine.interactions.signOut(ctx, pending.uid)));

  const proposal = await proposalFor(site, pending);
  const draft = draftOf(form, proposal);
  if (pressed !== 'allow') {
    return showConsent(ctx, site, { pending, proposal, facts: await factsFor(site, pending, proposal), draft });
  }

  const answer = answerOf(form, draft);
  const waiting = {
    action: addressOf(site, pending),
    email: personOf(pending).email,
    pressed,
    draft,
    shownDigest: answer.shownDigest,
    offer: proposal,
  };
  const waited = waitedFor(form);
  const again = waited && (await attemptSignIn(ctx, site, form));
  if (waited && again && !again.ok) return showSignInAgain(ctx, site, { ...waiting, needed: waited, problem: again.problem });
  const { interactions } = site.engine;
  const allowed = again?.ok
    ? await interactions.allowAgain(ctx, pending.uid, { userId: again.userId, answer })
    : await interactions.allow(ctx, pending.uid, answer);
  if ('problem' in allowed) throw problemOf(allowed);
  if (allowed.ok) return seeOther(ctx, allowed.value.location);
  if (allowed.failure.kind === 'sign-in-needed') return showSignInAgain(ctx, site, { ...waiting, needed: allowed.failure });
  const problem = choiceProblem(allowed.failure);
  if (problem instanceof HttpProblem) throw problem;
  const isOutdated = allowed.failure.kind === 'page-outdated';
  const current = isOutdated ? await proposalFor(site, pending) : proposal;
  showConsent(ctx, site, {
    pending,
    proposal: current,
    facts: await factsFor(site, pending, current),
    draft: isOutdated ? firstDraft(current) : draft,
    problem,
  });
}

async function findPending(ctx: Context, site: Site): Promise<PendingInteraction> {
  const pending = await site.engine.interactions.find(ctx, ctx.params['uid'] as string);
  if ('problem' in pending) throw problemOf(pending);
  allowFormTarget(ctx.res, pending.redirectSource);
  return pending;
}

async function showInteractionLogin(
  ctx: Context,
  site: Site,
  login: { pending: PendingInteraction; email?: string; problem?: string },
): Promise<void> {
  const { pending, ...typed } = login;
  const { client, server } = await describeRequest(site.runtime, site.tenant, pending);
  const hint = pending.loginHint === undefined ? undefined : readableText(pending.loginHint, 254);
  const email = typed.email ?? hint;
  showLogin(ctx, site, {
    action: addressOf(site, pending),
    ...(email !== undefined && { email }),
    ...(typed.problem !== undefined && { problem: typed.problem }),
    purpose: {
      kind: 'agent',
      agent: client ? readableName(client.metadata.name, 'An agent without a name') : 'An agent',
      ...(server && { server: server.name }),
    },
  });
}

async function signInToInteraction(
  ctx: Context,
  site: Site,
  { pending, form }: { pending: PendingInteraction; form: Form },
): Promise<void> {
  // A consent page that was sent after its session had run out: the person signs in, then sees it anew.
  if (form.text('shown') !== '') return seeOther(ctx, addressOf(site, pending));
  const attempt = await attemptSignIn(ctx, site, form);
  if (!attempt.ok) return showInteractionLogin(ctx, site, { pending, email: attempt.email, problem: attempt.problem });
  seeOther(ctx, locationOf(await site.engine.interactions.signIn(ctx, pending.uid, attempt.userId)));
}

async function proposalFor(site: Site, pending: PendingInteraction): Promise<ConsentProposal> {
  const { userId } = personOf(pending);
  const { clientId, resource, requestedScope } = pending;
  const proposal = await prepareConsent(site.runtime, site.tenant, { userId, clientId, resource, requestedScope });
  if (!proposal.ok) throw endingProblem(proposal.failure);
  return proposal.value;
}

function factsFor(site: Site, pending: PendingInteraction, { client }: ConsentProposal): Promise<ClientFacts> {
  const { userId } = personOf(pending);
  return findClientFacts(site.runtime, site.tenant, { client, redirectUri: pending.redirectUri, userId });
}

function personOf({ person }: PendingInteraction): CurrentSession {
  if (!person) throw new HttpProblem('interaction-not-found', { message: 'consent without a person' });
  return person;
}

function showConsent(
  ctx: Context,
  site: Site,
  page: { pending: PendingInteraction; proposal: ConsentProposal; facts: ClientFacts; draft: Draft; problem?: string },
): void {
  const { pending, proposal, facts, draft, problem } = page;
  const { email, signedInAt } = personOf(pending);
  const now = site.runtime.clock.now();
  const isRepeat = proposal.standing !== undefined;
  showPage(ctx, site, {
    view: 'consent',
    context: {
      ...formFrame(ctx, site, email),
      kind: 'consent',
      action: addressOf(site, pending),
      agent: agentOf(proposal.client, now, facts.trust),
      facts: factsOf(facts, now),
      server: { name: proposal.server.name, resource: proposal.server.resource },
      redirect: redirectOf(pending.redirectUri),
      ...(proposal.clientChange && { agentChange: agentChangeOf(proposal.clientChange) }),
      isRepeat,
      hasAsked: hasAsked(proposal),
      choice: choiceContext(proposal, draft, {
        now,
        marks: isRepeat,
        signedInAt,
        ...(problem !== undefined && { problem }),
      }),
      requestedScope: readableText(pending.requestedScope ?? '', 1_000),
      learns: learnedThrough(pending.requestedScope),
      accessTokenMinutes: Math.ceil(site.runtime.lifetimes.accessTokenSeconds / 60),
      effectWithin: spanInWords(effectSeconds(proposal.server, site.runtime)),
    },
  });
}

function addressOf(site: Site, { uid }: PendingInteraction): string {
  return `${site.tenant.issuer}/interaction/${encodeURIComponent(uid)}`;
}

function locationOf(outcome: { location: string } | InteractionProblem): string {
  if ('problem' in outcome) throw problemOf(outcome);
  return outcome.location;
}

function problemOf({ problem }: InteractionProblem): HttpProblem {
  return new HttpProblem(problem === 'session-changed' ? 'interaction-session-changed' : 'interaction-not-found');
}
