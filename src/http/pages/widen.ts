/**
 * A link from a refused call, shown to the person by her agent: it asks for one tool more, or for resources or prompts. The link is
 * an untrusted hint: it changes nothing, and works only for the person whose consent it names.
 */
import type { Context } from 'koa';
import { type ConsentId, parseConsentId } from '../../domain/ids.ts';
import { changeConsent } from '../../services/change-consent.ts';
import { findOwnConsent } from '../../services/find-own-consent.ts';
import { effectSeconds } from '../../services/list-consents.ts';
import { type Addition, type ConsentProposal, prepareConsentChange } from '../../services/prepare-consent.ts';
import { formFrame, originOf, seeOther, showPage } from '../answer.ts';
import { HttpProblem } from '../http-problem.ts';
import type { Form } from '../request-body.ts';
import type { Person } from '../route.ts';
import type { Site } from '../site.ts';
import { choiceContext, type Draft, firstDraft, hasAsked } from '../views/choice.ts';
import { spanInWords } from '../views/instants.ts';
import { refusalWords } from '../views/refusal-words.ts';
import { agentOf } from './agent.ts';
import { choiceProblem, endingProblem } from './choice-problem.ts';
import { answerOf, draftOf, pressedOf } from './draft.ts';
import { proveAgain, showSignInAgain } from './sign-in-again.ts';

/** What the link asks for. */
interface Widening {
  consentId: ConsentId;
  addition: Addition;
}

const maxToolNameCharacters = 1_024;

/** Shows the consent with the one tool more. */
export async function showWiden(ctx: Context, site: Site, person: Person): Promise<void> {
  const widening = wideningOf(ctx);
  const proposal = await proposalFor(site, person, widening);
  showChoice(ctx, site, { person, widening, proposal, draft: firstDraft(proposal) });
}

/** Takes the answer. */
export async function submitWiden(ctx: Context, site: Site, { person, form }: { person: Person; form: Form }): Promise<void> {
  const widening = wideningOf(ctx);
  const pressed = pressedOf(form);
  if (pressed === 'deny') return seeOther(ctx, `${site.tenant.issuer}/account`);
  const proposal = await proposalFor(site, person, widening);
  const draft = draftOf(form, proposal);
  if (pressed !== 'allow') return showChoice(ctx, site, { person, widening, proposal, draft });
  const answer = answerOf(form, draft);
  const waiting = {
    action: addressOf(site, widening),
    email: person.email,
    pressed,
    draft,
    shownDigest: answer.shownDigest,
    offer: proposal,
  };
  const proof = await proveAgain(ctx, site, { person, form, waiting });
  if (!proof) return;
  const changed = await changeConsent(site.runtime, site.tenant, {
    ...widening,
    userId: person.userId,
    answer,
    signedInAt: proof.signedInAt,
    origin: originOf(ctx, person.userId),
  });
  if (changed.ok) return seeOther(ctx, `${site.tenant.issuer}/account?done=widened&within=${effectSeconds(proposal.server, site.runtime)}`);
  if (changed.failure.kind === 'sign-in-needed') return showSignInAgain(ctx, site, { ...waiting, needed: changed.failure });
  const problem = choiceProblem(changed.failure);
  if (problem instanceof HttpProblem) throw problem;
  const current = await proposalFor(site, person, widening);
  showChoice(ctx, site, {
    person,
    widening,
    proposal: current,
    draft: changed.failure.kind === 'page-outdated' ? firstDraft(current) : draft,
    problem,
  });
}

/** Reads the link. A mistyped one and one for somebody else look the same. */
function wideningOf(ctx: Context): Widening {
  const { consent } = ctx.query;
  const consentId = typeof consent === 'string' ? parseConsentId(consent) : undefined;
  const addition = additionOf(ctx);
  if (!consentId || !addition) throw new HttpProblem('consent-not-found', { message: 'a widen link that names nothing' });
  return { consentId, addition };
}

function additionOf(ctx: Context): Addition | undefined {
  const { tool, scope } = ctx.query;
  if (scope === 'resources' || scope === 'prompts') return tool === undefined ? { scope } : undefined;
  const isTool = typeof tool === 'string' && tool !== '' && tool.length <= maxToolNameCharacters;
  return isTool && scope === undefined ? { tool } : undefined;
}

async function proposalFor(site: Site, person: Person, { consentId, addition }: Widening): Promise<ConsentProposal> {
  const consent = await findOwnConsent(site.runtime, site.tenant, { userId: person.userId, consentId });
  if (!consent.ok) throw new HttpProblem('consent-not-found', { message: consent.failure.kind });
  const proposal = await prepareConsentChange(site.runtime, site.tenant, { userId: person.userId, consent: consent.value, addition });
  if (!proposal.ok) throw endingProblem(proposal.failure);
  return proposal.value;
}

function showChoice(
  ctx: Context,
  site: Site,
  page: { person: Person; widening: Widening; proposal: ConsentProposal; draft: Draft; problem?: string },
): void {
  const { person, widening, proposal, draft, problem } = page;
  const refusal = refusalWords(proposal, widening.addition);
  showPage(ctx, site, {
    view: 'consent',
    context: {
      ...formFrame(ctx, site, person.email),
      kind: 'widen',
      action: addressOf(site, widening),
      ...(refusal !== undefined && { refusal }),
      agent: agentOf(proposal.client, site.runtime.clock.now()),
      server: { name: proposal.server.name, resource: proposal.server.resource },
      isRepeat: true,
      hasAsked: hasAsked(proposal),
      choice: choiceContext(proposal, draft, {
        now: site.runtime.clock.now(),
        marks: true,
        signedInAt: person.signedInAt,
        ...(problem !== undefined && { problem }),
      }),
      learns: [],
      accessTokenMinutes: Math.ceil(site.runtime.lifetimes.accessTokenSeconds / 60),
      effectWithin: spanInWords(effectSeconds(proposal.server, site.runtime)),
    },
  });
}

function addressOf(site: Site, { consentId, addition }: Widening): string {
  return `${site.tenant.issuer}/widen?${new URLSearchParams({ consent: consentId, ...addition })}`;
}
