import type { Context, Next } from 'koa';
import type Provider from 'oidc-provider';
import { isBrokenOff } from '../platform/broken-off.ts';
import { logFault } from '../platform/logger.ts';
import { ClientKeysUnavailable } from './client-assertion.ts';
import type { EngineEnvironment } from './engine-environment.ts';
import { toFaultAnswer } from './errors.ts';
import { renderProblem } from './pages.ts';
import { stateOf } from './request-state.ts';

/** Seconds after which trying again makes sense. */
const retryAfterSeconds = 2;

/** The engine answers its own faults with a bare 500, or sends them on to the client; here they are remembered, to be answered by us. */
export function rememberFaults(provider: Provider): void {
  provider.on('server_error', (ctx, error) => {
    stateOf(ctx).fault = error;
  });
}

/** Requests that the engine refuses, with the reason that their senders are not told. */
const refusals = [
  'authorization.error',
  'grant.error',
  'introspection.error',
  'revocation.error',
  'end_session.error',
  'end_session_confirm.error',
] as const;

/** Notes and logs what was refused and why; without this, whoever runs the issuer reads `invalid_grant` and nothing else. */
export function logRefusals(provider: Provider, { runtime, settings }: EngineEnvironment): void {
  const log = (
    ctx: Context & { oidc: { client?: { clientId: string } } },
    error: Error & { error?: string; error_detail?: string; error_description?: string },
  ) => {
    const { requestId } = settings.describeCaller(ctx);
    const reason = error.error_detail ?? error.error_description ?? error.message;
    stateOf(ctx).refusal = {
      error: error.error ?? error.message,
      ...(error.error_description !== undefined && { description: error.error_description }),
    };
    runtime.log.info(
      { requestId, clientId: ctx.oidc.client?.clientId, error: error.error ?? error.message, reason },
      'protocol request refused',
    );
  };
  for (const event of refusals) provider.on(event as 'grant.error', log as never);
}

/**
 * Answers faults of everything inside: logged with the request's id, and told as 503 or 500 without detail, as a page or in JSON.
 * A fault is never told as something that is wrong with the request or its credentials.
 */
export async function answerFaults(environment: EngineEnvironment, ctx: Context, { isPage, next }: { isPage: boolean; next: Next }) {
  const state = stateOf(ctx);
  try {
    await next();
  } catch (error) {
    state.fault = error instanceof Error ? error : new Error(String(error), { cause: error });
  }
  if (!state.fault || isBrokenOff(ctx.req, state.fault)) return;
  const { runtime, settings } = environment;
  const { requestId } = settings.describeCaller(ctx);
  runtime.tracing.noteFault(state.fault);
  // Somebody else's host is down: nothing that whoever runs the issuer could mend.
  if (state.fault instanceof ClientKeysUnavailable)
    runtime.log.info({ requestId, reason: state.fault.message }, 'protocol request refused');
  else logFault(runtime.log, state.fault, { message: 'a protocol request failed', ...(requestId !== undefined && { requestId }) });
  const { status, error, description } = toFaultAnswer(state.fault);
  ctx.remove('Location');
  ctx.status = status;
  ctx.set('Cache-Control', 'no-store');
  if (status === 503) ctx.set('Retry-After', String(retryAfterSeconds));
  if (isPage) await renderProblem(environment, ctx, { status, error, description });
  else ctx.body = { error, error_description: description };
}
