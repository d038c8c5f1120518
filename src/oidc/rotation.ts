import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { isRepeated, judgeRepeatedScope } from '../services/judge-repeated-scope.ts';
import type { EngineEnvironment } from './engine-environment.ts';
import { stateOf } from './request-state.ts';

/**
 * The engine's `rotateRefreshToken`: every refresh token rotates. It is the last place before the presented token is consumed, so
 * whatever else could make the request fail is judged here; a refresh that asks for the wrong thing leaves its token good (ENG-4).
 */
export async function judgeRefresh(environment: EngineEnvironment, ctx: KoaContextWithOIDC): Promise<true> {
  const { resource } = ctx.oidc.params as { resource?: string | string[] };
  const refreshToken = ctx.oidc.entities.RefreshToken;
  if (resource !== undefined && resource !== refreshToken?.resource) throw new errors.InvalidTarget();
  const { askedScope: scope, unit, short } = stateOf(ctx);
  const grantId = refreshToken?.grantId;
  if (scope === undefined || grantId === undefined || !unit) return true;
  if (short && isRepeated(scope, short.prepared.facts.installation.requestedScopes)) return true;
  const foreign = await unit.read((db) => judgeRepeatedScope(db, environment.tenant, { grantId, scope }));
  if (foreign !== undefined) throw new errors.InvalidScope('this was never requested, start a new authorization to ask for more', foreign);
  return true;
}
