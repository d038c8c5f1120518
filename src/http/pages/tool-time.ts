/** Until when one tool of a connected agent is allowed: one press on the time that the person wants. */
import type { Context } from 'koa';
import { type ConsentDuration, consentDurations } from '../../domain/consent.ts';
import { type ConsentId, parseConsentId } from '../../domain/ids.ts';
import { latestToolTime } from '../../domain/tool-time.ts';
import { changeToolTime, prepareToolTime, type ToolTimeProposal } from '../../services/change-tool-time.ts';
import { effectSeconds } from '../../services/list-consents.ts';
import { formFrame, originOf, seeOther, showPage } from '../answer.ts';
import { HttpProblem } from '../http-problem.ts';
import type { Form } from '../request-body.ts';
import type { Person } from '../route.ts';
import type { Site } from '../site.ts';
import { inWords, spanInWords } from '../views/instants.ts';
import { toolTimeOptions } from '../views/tool-times.ts';
import { readableName } from '../views/untrusted-text.ts';
import { agentOf } from './agent.ts';
import { choiceProblem, endingProblem } from './choice-problem.ts';
import { askAgain, proveBy } from './sign-in-again.ts';

/** Shows until when the tool is allowed, and what else it can be. */
export async function showToolTime(ctx: Context, site: Site, person: Person): Promise<void> {
  showTimes(ctx, site, { person, proposal: await currentProposal(ctx, site, person) });
}

/** Takes the time that was pressed. */
export async function submitToolTime(ctx: Context, site: Site, { person, form }: { person: Person; form: Form }): Promise<void> {
  const { consentId, tool } = wantedOf(ctx);
  const proposal = await currentProposal(ctx, site, person);
  const duration = form.text('duration');
  if (!isDuration(duration)) return showTimes(ctx, site, { person, proposal, problem: 'Choose until when.' });
  const shown = form.text('version');
  const waiting = {
    action: addressOf(site, { consentId, tool }),
    email: person.email,
    titles: [titleOf(proposal)],
    carried: [
      ['version', shown],
      ['duration', duration],
    ] as [string, string][],
  };
  const proof = await proveBy(ctx, site, { person, form, ask: (asked) => askAgain(ctx, site, { ...waiting, ...asked }) });
  if (!proof) return;
  const changed = await changeToolTime(site.runtime, site.tenant, {
    ...{ userId: person.userId, consentId, tool, duration },
    shownVersion: /^\d{1,9}$/.test(shown) ? Number(shown) : 0,
    signedInAt: proof.signedInAt,
    origin: originOf(ctx, person.userId),
  });
  if (changed.ok) return seeOther(ctx, `${site.tenant.issuer}/account?done=timed&within=${effectSeconds(proposal.server, site.runtime)}`);
  if (changed.failure.kind === 'sign-in-needed') return askAgain(ctx, site, { ...waiting, needed: changed.failure });
  const problem = choiceProblem(changed.failure);
  if (problem instanceof HttpProblem) throw problem;
  showTimes(ctx, site, { person, proposal: await currentProposal(ctx, site, person), problem });
}

function isDuration(text: string): text is ConsentDuration {
  return Object.hasOwn(consentDurations, text);
}

async function currentProposal(ctx: Context, site: Site, { userId }: Person): Promise<ToolTimeProposal> {
  const proposal = await prepareToolTime(site.runtime, site.tenant, { userId, ...wantedOf(ctx) });
  if (!proposal.ok) throw endingProblem(proposal.failure);
  return proposal.value;
}

function showTimes(ctx: Context, site: Site, page: { person: Person; proposal: ToolTimeProposal; problem?: string }): void {
  const { person, proposal, problem } = page;
  const { client, server, state, endsAt } = proposal;
  const { now } = state.at;
  showPage(ctx, site, {
    view: 'tool-time',
    context: {
      ...formFrame(ctx, site, person.email),
      action: addressOf(site, wantedOf(ctx)),
      change: changeAddressOf(site, state.consent.id),
      agent: agentOf(client, now),
      server: { name: server.name, resource: server.resource },
      tool: titleOf(proposal),
      version: String(state.consent.version),
      until: endsAt ? inWords(endsAt, now) : 'you revoke it',
      times: toolTimeOptions({ now, latest: latestToolTime(state), consentEnd: state.consent.expiresAt }),
      effectWithin: spanInWords(effectSeconds(server, site.runtime)),
      ...(problem !== undefined && { problem }),
    },
  });
}

function titleOf({ state: { present } }: ToolTimeProposal): string {
  return readableName(present.title, readableName(present.name, 'unnamed tool'));
}

function wantedOf(ctx: Context): { consentId: ConsentId; tool: string } {
  const consentId = parseConsentId(ctx.params['consentId'] as string);
  const { tool } = ctx.query;
  if (!consentId || typeof tool !== 'string') throw new HttpProblem('consent-not-found', { message: 'no id of a consent, or no tool' });
  return { consentId, tool };
}

function addressOf(site: Site, { consentId, tool }: { consentId: ConsentId; tool: string }): string {
  return `${changeAddressOf(site, consentId)}/time?tool=${encodeURIComponent(tool)}`;
}

function changeAddressOf(site: Site, consentId: ConsentId): string {
  return `${site.tenant.issuer}/account/consents/${encodeURIComponent(consentId)}`;
}
