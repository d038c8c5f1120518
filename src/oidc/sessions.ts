import type { Context } from 'koa';
import type Provider from 'oidc-provider';
import type { Session as EngineSession } from 'oidc-provider';
import type { UserId } from '../domain/ids.ts';
import { describeUser } from '../services/describe-user.ts';
import { endSession, endSessionsOfUser, extendSession } from './adapter.ts';
import type { Session, Sessions } from './engine-contract.ts';
import type { EngineEnvironment } from './engine-environment.ts';
import { setSessionCookie } from './session-cookie.ts';
import { remainingSessionSeconds } from './session-lifetime.ts';

/** Makes the sign-in sessions of a tenant: the engine's own, used outside its routes as well. */
export function createSessions(environment: EngineEnvironment, provider: Provider): Sessions {
  const { runtime, tenant } = environment;
  return {
    current: async (ctx) => {
      const session = await provider.Session.get(ctx);
      const described = toSession(session);
      const user = described && (await describeUser(runtime.store, tenant, described.userId));
      if (!user) return undefined;
      await keepAlive(environment, session);
      return { ...described, email: user.email };
    },
    start: async (ctx, userId) => {
      const session = await renewSession(provider, ctx, userId);
      session.loginAccount({ accountId: userId, loginTs: nowSeconds(environment) });
      await session.save(remainingSessionSeconds(runtime, session.loginTs));
      setSessionCookie(environment, ctx, session);
      return toSession(session) as Session;
    },
    end: async (ctx) => {
      const session = await provider.Session.get(ctx);
      if (session.accountId !== undefined)
        await endSession(environment, ctx, { sessionId: session.jti, userId: session.accountId as UserId });
      setSessionCookie(environment, ctx, undefined);
    },
    endAllOf: (userId, options) => endSessionsOfUser(environment, userId, options?.keepUid),
  };
}

/** Use counts from one minute to the next; a write for every page would say no more. */
const touchSeconds = 60;

async function keepAlive(environment: EngineEnvironment, session: EngineSession): Promise<void> {
  const seconds = remainingSessionSeconds(environment.runtime, session.loginTs);
  if (session.exp - nowSeconds(environment) > seconds - touchSeconds) return;
  await extendSession(environment, session.jti, new Date((nowSeconds(environment) + seconds) * 1_000));
}

/** The same person keeps the session's name, so that pages open in other tabs go on; the id that opens it is always new (ABUSE-33). */
async function renewSession(provider: Provider, ctx: Context, userId: UserId): Promise<EngineSession> {
  const previous = await provider.Session.get(ctx);
  if (previous.accountId === userId) {
    previous.resetIdentifier();
    return previous;
  }
  if (previous.accountId !== undefined) await previous.destroy();
  return new provider.Session();
}

function toSession({ accountId, loginTs, uid }: EngineSession): Session | undefined {
  if (accountId === undefined || loginTs === undefined) return undefined;
  return { userId: accountId as UserId, signedInAt: new Date(loginTs * 1_000), uid };
}

function nowSeconds({ runtime }: EngineEnvironment): number {
  return Math.floor(runtime.clock.now().getTime() / 1_000);
}
