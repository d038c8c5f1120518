/** One connected agent: change what it may do, or revoke it. */
import type { Context } from 'koa';
import { type ConsentId, parseConsentId } from '../../domain/ids.ts';
import { changeConsent } from '../../services/change-consent.ts';
import { endConsent } from '../../services/end-consent.ts';
import { findOwnConsent } from '../../services/find-own-consent.ts';
import { issueReceipt } from '../../services/issue-receipt.ts';
import { effectSeconds } from '../../services/list-consents.ts';
import { type ConsentProposal, prepareConsentChange } from '../../services/prepare-consent.ts';
import { formFrame, originOf, seeOther, showPage } from '../answer.ts';
import { HttpProblem } from '../http-problem.ts';
import type { Form } from '../request-body.ts';
import type { Person } from '../route.ts';
import type { Site } from '../site.ts';
import { choiceContext, type Draft, firstDraft, unfolded } from '../views/choice.ts';
import { spanInWords } from '../views/instants.ts';
import { agentOf } from './agent.ts';
import { choiceProblem, endingProblem } from './choice-problem.ts';
import { answerOf, draftOf, pressedOf } from './draft.ts';
import { proveAgain, showSignInAgain } from './sign-in-again.ts';

/** Shows what one agent may do now. */
export async function showChange(ctx: Context, site: Site, person: Person): Promise<void> {
  const proposal = await currentProposal(site, person, consentIdOf(ctx));
  showChoice(ctx, site, { person, proposal, draft: firstDraft(proposal) });
}

/** Takes a change. */
export async function submitChange(ctx: Context, site: Site, { person, form }: { person: Person; form: Form }): Promise<void> {
  const consentId = consentIdOf(ctx);
  const proposal = await currentProposal(site, person, consentId);
  const draft = draftOf(form, proposal);
  const pressed = pressedOf(form);
  if (pressed !== 'save') return showChoice(ctx, site, { person, proposal, draft });
  const answer = answerOf(form, draft);
  const waiting = {
    action: addressOf(site, consentId),
    email: person.email,
    pressed,
    draft,
    shownDigest: answer.shownDigest,
    offer: proposal,
  };
  const proof = await proveAgain(ctx, site, { person, form, waiting });
  if (!proof) return;
  const changed = await changeConsent(site.runtime, site.tenant, {
    userId: person.userId,
    consentId,
    answer,
    signedInAt: proof.signedInAt,
    origin: originOf(ctx, person.userId),
  });
  if (changed.ok) return seeOther(ctx, `${site.tenant.issuer}/account?done=changed&within=${effectSeconds(proposal.server, site.runtime)}`);
  if (changed.failure.kind === 'sign-in-needed') return showSignInAgain(ctx, site, { ...waiting, needed: changed.failure });
  const problem = choiceProblem(changed.failure);
  if (problem instanceof HttpProblem) throw problem;
  const current = await currentProposal(site, person, consentId);
  showChoice(ctx, site, {
    person,
    proposal: current,
    draft: changed.failure.kind === 'page-outdated' ? firstDraft(current) : draft,
    problem,
  });
}

/** Hands out a signed record of what the person allows the agent, as a file. */
export async function serveReceipt(ctx: Context, site: Site, { userId }: Person): Promise<void> {
  const consentId = consentIdOf(ctx);
  const receipt = await issueReceipt(site.runtime, site.tenant, { userId, consentId });
  if (!receipt.ok) throw new HttpProblem('consent-not-found', { message: receipt.failure.kind });
  const { jws, version } = receipt.value;
  ctx.set('Content-Type', 'application/jwt');
  ctx.set('Content-Disposition', `attachment; filename="${consentId}-${version}.jwt"`);
  ctx.set('Cache-Control', 'no-store');
  ctx.body = jws;
}

/** Asks whether to revoke. */
export async function showRevoke(ctx: Context, site: Site, person: Person): Promise<void> {
  const consentId = consentIdOf(ctx);
  const { client, server } = await currentProposal(site, person, consentId);
  showPage(ctx, site, {
    view: 'revoke',
    context: {
      ...formFrame(ctx, site, person.email),
      action: `${addressOf(site, consentId)}/revoke`,
      agent: agentOf(client, site.runtime.clock.now()),
      server: { name: server.name, resource: server.resource },
      effectWithin: spanInWords(effectSeconds(server, site.runtime)),
    },
  });
}

/** Revokes. A second time is a success: the button may have been pressed twice. */
export async function submitRevoke(ctx: Context, site: Site, { person }: { person: Person }): Promise<void> {
  const consentId = consentIdOf(ctx);
  const ended = await endConsent(site.runtime, site.tenant, {
    userId: person.userId,
    consentId,
    reason: 'revoked-by-user',
    origin: originOf(ctx, person.userId),
  });
  if (!ended.ok) throw new HttpProblem('consent-not-found', { message: ended.failure.kind });
  seeOther(ctx, `${site.tenant.issuer}/account?done=revoked`);
}

async function currentProposal(site: Site, person: Person, consentId: ConsentId): Promise<ConsentProposal> {
  const consent = await findOwnConsent(site.runtime, site.tenant, { userId: person.userId, consentId });
  if (!consent.ok) throw new HttpProblem('consent-not-found', { message: consent.failure.kind });
  const proposal = await prepareConsentChange(site.runtime, site.tenant, { userId: person.userId, consent: consent.value });
  if (!proposal.ok) throw endingProblem(proposal.failure);
  return proposal.value;
}

function showChoice(ctx: Context, site: Site, page: { person: Person; proposal: ConsentProposal; draft: Draft; problem?: string }): void {
  const { person, proposal, draft, problem } = page;
  showPage(ctx, site, {
    view: 'change',
    context: {
      ...formFrame(ctx, site, person.email),
      action: addressOf(site, consentIdOf(ctx)),
      agent: agentOf(proposal.client, site.runtime.clock.now()),
      server: { name: proposal.server.name, resource: proposal.server.resource },
      choice: choiceContext(proposal, unfolded(draft, proposal), {
        now: site.runtime.clock.now(),
        marks: false,
        signedInAt: person.signedInAt,
        ...(problem !== undefined && { problem }),
      }),
      effectWithin: spanInWords(effectSeconds(proposal.server, site.runtime)),
    },
  });
}

function consentIdOf(ctx: Context): ConsentId {
  const consentId = parseConsentId(ctx.params['consentId'] as string);
  if (!consentId) throw new HttpProblem('consent-not-found', { message: 'no id of a consent' });
  return consentId;
}

function addressOf(site: Site, consentId: ConsentId): string {
  return `${site.tenant.issuer}/account/consents/${encodeURIComponent(consentId)}`;
}
