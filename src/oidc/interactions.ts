import type { Context } from 'koa';
import type Provider from 'oidc-provider';
import type { Interaction } from 'oidc-provider';
import { fail, type Outcome, succeed } from '../domain/failures.ts';
import type { UserId } from '../domain/ids.ts';
import { redirectSource } from '../domain/redirect-uri.ts';
import type { AnsweredPage } from '../services/record-answer.ts';
import { recordConsent, recordDenial } from '../services/record-consent.ts';
import { type AuthorizationRequest, readAuthorizationRequest } from './authorization-request.ts';
import { mustAskPerson } from './consent-policy.ts';
import type { CurrentSession, InteractionProblem, Interactions, PendingInteraction, Session, Sessions } from './engine-contract.ts';
import type { EngineEnvironment } from './engine-environment.ts';
import { prepareGrant } from './grant.ts';
import { placeOf } from './installation-place.ts';
import { paths } from './routes.ts';

/** An interaction with the person it has, if it has one. */
interface Loaded<Known extends Session = CurrentSession> {
  interaction: Interaction;
  request: AuthorizationRequest;
  session: Known | undefined;
}

/**
 * Makes the pages' side of authorization requests. Sign-in and consent end in one result of one interaction: signing in starts the
 * session and binds the interaction to it, so that only the browser that signed in can go on, here and at the engine.
 */
export function createInteractions(environment: EngineEnvironment, provider: Provider, sessions: Sessions): Interactions {
  const load = (ctx: Context, uid: string) => loadInteraction(environment, ctx, { uid, provider, sessions });
  const pageOf = (uid: string) => `${environment.tenant.issuer}${paths.interaction}/${uid}`;
  return {
    find: async (ctx, uid) => {
      const loaded = await load(ctx, uid);
      return loaded ? describe(loaded) : notFound;
    },
    signIn: async (ctx, uid, userId) => {
      const loaded = await load(ctx, uid);
      if (!loaded) return notFound;
      const { interaction, request } = loaded;
      bindTo(interaction, await sessions.start(ctx, userId), { asLogin: true });
      await interaction.persist();
      return { location: (await mustAskPerson(environment, { ...request, userId })) ? pageOf(uid) : interaction.returnTo };
    },
    signOut: async (ctx, uid) => {
      const loaded = await load(ctx, uid);
      if (!loaded) return notFound;
      const { interaction } = loaded;
      await sessions.end(ctx);
      interaction.session = undefined;
      interaction.result = undefined;
      await interaction.persist();
      return { location: pageOf(uid) };
    },
    allow: async (ctx, uid, answer) => {
      const loaded = await load(ctx, uid);
      return loaded ? allow(environment, ctx, { loaded, answer, provider }) : notFound;
    },
    allowAgain: async (ctx, uid, { userId, answer }) => {
      const loaded = await load(ctx, uid);
      if (!loaded) return notFound;
      const { interaction, session: before } = loaded;
      if (isAnswered(interaction)) return succeed({ location: interaction.returnTo });
      const session = await sessions.start(ctx, userId);
      bindTo(interaction, session, { asLogin: true });
      if (before?.userId === userId) return allow(environment, ctx, { loaded: { ...loaded, session }, answer, provider });
      await interaction.persist();
      return succeed({ location: pageOf(uid) });
    },
    deny: async (ctx, uid) => {
      const loaded = await load(ctx, uid);
      return loaded ? deny(environment, ctx, loaded) : notFound;
    },
  };
}

const notFound: InteractionProblem = { problem: 'not-found' };

/**
 * The cookie is bound to the interaction's path; without it the URL alone opens nothing (ABUSE-34). The engine compares the redirect
 * URI when a request begins; it must be the client's still when a person looks at it or answers, because the answer goes there.
 */
async function loadInteraction(
  environment: EngineEnvironment,
  ctx: Context,
  { uid, provider, sessions }: { uid: string; provider: Provider; sessions: Sessions },
): Promise<Loaded | undefined> {
  if (ctx.cookies.get(environment.cookies.interaction, { signed: false }) !== uid) return undefined;
  const interaction = await provider.Interaction.find(uid);
  if (!interaction) return undefined;
  const request = readAuthorizationRequest(interaction.params);
  const client = await provider.Client.find(request.clientId);
  if (!client?.redirectUriAllowed(request.redirectUri)) return undefined;
  const session = await sessions.current(ctx);
  const boundTo = interaction.session?.uid;
  const isBoundElsewhere = boundTo !== undefined && boundTo !== session?.uid;
  return { interaction, request, session: isBoundElsewhere ? undefined : session };
}

function describe({ interaction, request, session }: Loaded): PendingInteraction {
  const { clientId, resource, requestedScope, redirectUri, loginHint } = request;
  return {
    uid: interaction.uid,
    step: mustSignIn(interaction, session) ? 'sign-in' : 'consent',
    clientId,
    resource,
    requestedScope,
    redirectUri,
    redirectSource: redirectSource(redirectUri),
    ...(session && { person: session }),
    ...(loginHint !== undefined && { loginHint }),
  };
}

/** A person who signed in meanwhile, in another tab, is enough, unless the client wants the sign-in itself. */
function mustSignIn({ prompt, result }: Interaction, session: Session | undefined): boolean {
  if (!session) return true;
  const wantsSignIn = prompt.name === 'login' && prompt.reasons.some((reason) => reason !== 'no_session');
  return wantsSignIn && result?.login === undefined;
}

function bindTo(interaction: Interaction, session: Session, { asLogin }: { asLogin: boolean }): void {
  const { userId: accountId, uid, signedInAt } = session;
  interaction.session = { accountId, uid, cookie: '' };
  if (asLogin) interaction.result = { login: { accountId, ts: Math.floor(signedInAt.getTime() / 1_000) } };
}

async function allow(
  environment: EngineEnvironment,
  ctx: Context,
  { loaded, answer, provider }: { loaded: Loaded<Session>; answer: AnsweredPage; provider: Provider },
): Promise<Outcome<{ location: string }> | InteractionProblem> {
  const { runtime, tenant } = environment;
  const { interaction, request, session } = loaded;
  if (isAnswered(interaction)) return succeed({ location: interaction.returnTo });
  if (!session || mustSignIn(interaction, session)) return { problem: 'session-changed' };
  const { userId, signedInAt } = session;
  const { grant, grantId } = prepareGrant(provider, { ...request, userId });
  const origin = personalOrigin(environment, ctx, userId);
  const place = placeOf(environment, ctx);
  const recorded = await recordConsent(runtime, tenant, { ...request, userId, answer, signedInAt, grantId, origin, place });
  if (!recorded.ok) return fail(recorded.failure);
  await grant.save();
  bindTo(interaction, session, { asLogin: false });
  interaction.result = { ...interaction.result, consent: { grantId } };
  await interaction.persist();
  return succeed({ location: interaction.returnTo });
}

async function deny(environment: EngineEnvironment, ctx: Context, loaded: Loaded): Promise<{ location: string } | InteractionProblem> {
  const { interaction, request, session } = loaded;
  if (isAnswered(interaction)) return { location: interaction.returnTo };
  if (session) {
    const origin = personalOrigin(environment, ctx, session.userId);
    await recordDenial(environment.runtime, environment.tenant, { ...request, userId: session.userId, origin });
    bindTo(interaction, session, { asLogin: false });
  }
  interaction.result = { error: 'access_denied', error_description: 'access was denied' };
  await interaction.persist();
  return { location: interaction.returnTo };
}

/** The first answer counts, until the engine takes it. */
function isAnswered({ result }: Interaction): boolean {
  return result?.consent !== undefined || result?.error !== undefined;
}

function personalOrigin({ settings }: EngineEnvironment, ctx: Context, userId: UserId) {
  return { ...settings.describeCaller(ctx), actorType: 'user' as const, actorId: userId };
}
