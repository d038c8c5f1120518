/** One click on a connected agent: pause it, let it go on, take away what it does not use, end one place where it is used. */
import type { Context } from 'koa';
import type { Outcome } from '../../domain/failures.ts';
import { type ConsentId, parseConsentId, parseInstallationId } from '../../domain/ids.ts';
import { dropTools } from '../../services/drop-tools.ts';
import { endOwnInstallation } from '../../services/end-installation.ts';
import { findOwnConsent } from '../../services/find-own-consent.ts';
import { effectOnServer } from '../../services/list-consents.ts';
import { pauseConsent, resumeConsent } from '../../services/pause-consent.ts';
import type { OwnConsentRequest } from '../../services/revise-consent.ts';
import { originOf, seeOther } from '../answer.ts';
import { HttpProblem } from '../http-problem.ts';
import type { Form } from '../request-body.ts';
import type { Person } from '../route.ts';
import type { Site } from '../site.ts';
import { placesPageOf } from './connection-places.ts';

type Posted = { person: Person; form: Form };

/** Pauses. */
export async function submitPause(ctx: Context, site: Site, { person }: Posted): Promise<void> {
  await act(ctx, site, { person, done: 'paused', run: (request) => pauseConsent(site.runtime, site.tenant, request) });
}

/** Lets it go on. */
export async function submitResume(ctx: Context, site: Site, { person }: Posted): Promise<void> {
  await act(ctx, site, { person, done: 'resumed', run: (request) => resumeConsent(site.runtime, site.tenant, request) });
}

/** Takes away the tools that the page named. */
export async function submitUnused(ctx: Context, site: Site, { person, form }: Posted): Promise<void> {
  const tools = form.all('tool');
  await act(ctx, site, { person, done: 'dropped', run: (request) => dropTools(site.runtime, site.tenant, { ...request, tools }) });
}

/** Ends one place. */
export async function submitPlaceEnd(ctx: Context, site: Site, { person, form }: Posted): Promise<void> {
  const installationId = parseInstallationId(ctx.params['installationId'] as string);
  if (!installationId) throw new HttpProblem('consent-not-found', { message: 'no id of an installation' });
  const run = (request: OwnConsentRequest) => endOwnInstallation(site.runtime, site.tenant, { ...request, installationId });
  await act(ctx, site, { person, done: 'disconnected', run, returnTo: (consentId) => placesPageOf(site, consentId, form) });
}

async function act(
  ctx: Context,
  site: Site,
  action: {
    person: Person;
    done: string;
    run: (request: OwnConsentRequest) => Promise<Outcome<unknown>>;
    /** The page that comes next; default: all connected agents. */
    returnTo?: (consentId: ConsentId) => string | undefined;
  },
): Promise<void> {
  const { userId } = action.person;
  const consentId = parseConsentId(ctx.params['consentId'] as string);
  if (!consentId) throw new HttpProblem('consent-not-found', { message: 'no id of a consent' });
  const consent = await findOwnConsent(site.runtime, site.tenant, { userId, consentId });
  if (!consent.ok) throw new HttpProblem('consent-not-found', { message: consent.failure.kind });
  const outcome = await action.run({ userId, consentId, origin: originOf(ctx, userId) });
  // Nothing would be left: the page did not offer that.
  if (!outcome.ok && outcome.failure.kind === 'nothing-ticked')
    return seeOther(ctx, `${site.tenant.issuer}/account/consents/${consentId}/revoke`);
  if (!outcome.ok) throw new HttpProblem('consent-not-found', { message: outcome.failure.kind });
  const within = await effectOnServer(site.runtime, site.tenant, consent.value.serverId);
  const next = new URL(action.returnTo?.(consentId) ?? `${site.tenant.issuer}/account`);
  next.searchParams.set('done', action.done);
  next.searchParams.set('within', String(within));
  seeOther(ctx, next.href);
}
