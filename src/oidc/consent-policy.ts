import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import type { UserId } from '../domain/ids.ts';
import { findClientTrust } from '../services/find-client-trust.ts';
import { type ConsentRequest, needsConsent } from '../services/prepare-consent.ts';
import { reuseConsent } from '../services/reuse-consent.ts';
import { type AuthorizationRequest, readAuthorizationRequest } from './authorization-request.ts';
import type { EngineEnvironment } from './engine-environment.ts';
import { prepareGrant } from './grant.ts';
import { placeOf } from './installation-place.ts';

const { Check, Prompt, base } = interactionPolicy;

/**
 * When the engine must ask its person. Sign-in: the engine's own reasons, and one more: the session's person may not sign in any
 * more. Consent: our own reason alone, because the engine knows the marker only (ENG-12).
 */
export function createInteractionPolicy(environment: EngineEnvironment): interactionPolicy.Prompt[] {
  const login = base().get('login');
  if (!login) throw new Error('the engine has no login prompt');
  login.checks.add(
    new Check('account_unavailable', 'sign-in is required', 'login_required', ({ oidc }) => !!oidc.session?.accountId && !oidc.account),
  );
  const consent = new Prompt(
    { name: 'consent', requestable: true },
    new Check('consent_missing', 'consent is required', 'consent_required', (ctx) => mustAsk(environment, ctx)),
  );
  return [login, consent];
}

async function mustAsk(environment: EngineEnvironment, ctx: KoaContextWithOIDC): Promise<boolean> {
  const { oidc } = ctx;
  if (oidc.result?.consent?.grantId !== undefined) return Check.NO_NEED_TO_PROMPT;
  const userId = oidc.session?.accountId as UserId | undefined;
  // Without a person the login prompt has asked already; this one only says that nothing is settled.
  if (userId === undefined || oidc.prompts.has('consent')) return Check.REQUEST_PROMPT;
  const request = readAuthorizationRequest(oidc.params ?? {});
  if (await mustAskPerson(environment, { ...request, userId })) return Check.REQUEST_PROMPT;
  return takeUpStandingConsent(environment, ctx, { request, userId });
}

/** Whether the request must be put before this person: always, unless the client is proven and asks for nothing that does not stand. */
export async function mustAskPerson(
  environment: EngineEnvironment,
  request: AuthorizationRequest & Pick<ConsentRequest, 'userId'>,
): Promise<boolean> {
  const { runtime, tenant } = environment;
  if (request.prompts.has('consent')) return true;
  return needsConsent(runtime, tenant, { ...request, proven: await isProven(environment, request) });
}

/** Whether what stands may go on without the person being asked; anyone can claim a loopback port or a scheme (MCP-16). */
async function isProven({ runtime, tenant }: EngineEnvironment, request: AuthorizationRequest): Promise<boolean> {
  return (await findClientTrust(runtime, tenant, request))?.isProven ?? false;
}

async function takeUpStandingConsent(
  environment: EngineEnvironment,
  ctx: KoaContextWithOIDC,
  { request, userId }: { request: AuthorizationRequest; userId: UserId },
): Promise<boolean> {
  const { runtime, tenant } = environment;
  const { oidc } = ctx;
  const { grant, grantId } = prepareGrant(oidc.provider, { ...request, userId });
  const outcome = await reuseConsent(runtime, tenant, { ...request, userId, grantId, place: placeOf(environment, ctx) });
  if (!outcome.ok) return Check.REQUEST_PROMPT;
  await grant.save();
  oidc.entity('Grant', grant);
  oidc.session?.ensureClientContainer(request.clientId);
  oidc.session?.grantIdFor(request.clientId, grantId);
  return Check.NO_NEED_TO_PROMPT;
}
