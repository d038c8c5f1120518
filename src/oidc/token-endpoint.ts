import type { Context, Next } from 'koa';
import { endInstallationOfGrant } from '../services/end-installation.ts';
import { beginUnitOfWork } from './adapter.ts';
import type { EngineEnvironment } from './engine-environment.ts';
import { stateOf } from './request-state.ts';

/**
 * Owns the unit of work of a token request. The engine answers errors without throwing, so the status decides: 2xx commits, and all
 * else rolls back, frees the connection, and only then ends the installations that the request gave reason to end, because that
 * must last though the request failed (ENG-4). The answer leaves when all this is done; when it cannot be done, this throws.
 */
export async function answerTokenRequest(environment: EngineEnvironment, ctx: Context, engine: Next): Promise<void> {
  const { runtime, tenant } = environment;
  const state = stateOf(ctx);
  const unit = beginUnitOfWork(runtime);
  state.unit = unit;
  // The end of the body counts, or whoever sends it slowly could choose the moment.
  ctx.req.once('end', () => {
    state.arrivedAt = runtime.clock.now();
  });
  try {
    await engine();
    if (ctx.status >= 200 && ctx.status < 300) await unit.commit();
  } finally {
    await unit.rollback();
  }
  for (const [grantId, reason] of state.revocations) {
    await endInstallationOfGrant(runtime, tenant, { grantId, reason, origin: environment.originOf(ctx) });
  }
}
