import { parse } from 'node:querystring';
import type { Context } from 'koa';
import { sha256 } from '../platform/digest.ts';
import { endInstallationOfGrant } from '../services/end-installation.ts';
import { type PreparedMachineRequest, prepareMachineRequest, settleMachineRequest } from '../services/prepare-machine-request.ts';
import { prepareTokenRequest, settlePreparedRequest } from '../services/prepare-token-request.ts';
import type { Runtime } from '../services/runtime.ts';
import { beginUnitOfWork } from './adapter.ts';
import type { EngineEnvironment } from './engine-environment.ts';
import { readFormBody, unreadContext } from './form-body.ts';
import { machineRequestIn } from './machine-request.ts';
import { type ShortWay, stateOf } from './request-state.ts';

type EngineDoor = (ctx: Context) => Promise<void>;

/**
 * Begins to read a token request, before anything of ours is waited for: when it arrived must not depend on how busy we are. The end
 * of the body counts, or whoever sends it slowly could choose the moment.
 */
export function receiveTokenRequest({ clock }: Runtime, ctx: Context): void {
  const state = stateOf(ctx);
  ctx.req.once('end', () => {
    state.arrivedAt = clock.now();
  });
  state.form = readFormBody(ctx);
  // Whoever answers the request meets the fault; until then nobody waits for it.
  state.form.catch(() => undefined);
}

/**
 * Answers a token request. A plain one goes the short way: everything it needs is read in one statement before the engine is asked, and
 * everything it changes is written in one after the engine said yes, before the answer leaves. Whatever is not plain, or is no
 * longer when it comes to writing (somebody else was faster, terms changed), goes the long way from its beginning. The request was
 * received by `receiveTokenRequest` before.
 */
export async function answerTokenRequest(environment: EngineEnvironment, ctx: Context, door: EngineDoor): Promise<void> {
  const { runtime, tenant } = environment;
  const state = stateOf(ctx);
  const engine = async (seen: Context & { oidc?: { params?: { grant_type?: unknown } } }) => {
    await door(seen);
    state.grantType = String(seen.oidc?.params?.grant_type ?? '');
  };
  const body = await state.form;
  const asked = body && machineRequestIn(ctx, body);
  const machine = asked && (await prepareMachineRequest(runtime, tenant, asked));
  if (machine) {
    if (await answerMachineTheShortWay(environment, unreadContext(ctx, body), { engine, prepared: machine })) return;
    forgetAnswer(ctx);
  }
  const presented = body && presentedIn(body);
  const prepared = presented && (await prepareTokenRequest(runtime, tenant, { model: presented.model, digest: sha256(presented.value) }));
  if (prepared) {
    const short = { prepared, presented: presented.value };
    if (await answerTheShortWay(environment, unreadContext(ctx, body), { engine, short })) return;
    forgetAnswer(ctx);
  }
  await answerTheLongWay(environment, body ? unreadContext(ctx, body) : ctx, engine);
}

/** The answer that was made is not true: nobody may see it, whatever comes next. */
function forgetAnswer(ctx: Context): void {
  ctx.body = null;
  ctx.status = 200;
}

/** What a token request presents; undefined when that is unclear. */
function presentedIn(body: Buffer): { model: 'AuthorizationCode' | 'RefreshToken'; value: string } | undefined {
  const { grant_type: grantType, code, refresh_token: refreshToken } = parse(body.toString());
  if (grantType === 'refresh_token' && typeof refreshToken === 'string') return { model: 'RefreshToken', value: refreshToken };
  if (grantType === 'authorization_code' && typeof code === 'string') return { model: 'AuthorizationCode', value: code };
  return undefined;
}

/** True when a machine's request is answered; what it leaves behind is its event. */
async function answerMachineTheShortWay(
  environment: EngineEnvironment,
  ctx: Context,
  { engine, prepared }: { engine: EngineDoor; prepared: PreparedMachineRequest },
): Promise<boolean> {
  const { runtime, tenant } = environment;
  const state = stateOf(ctx);
  const unit = beginUnitOfWork(runtime);
  state.unit = unit;
  state.machine = prepared;
  try {
    await engine(ctx);
    if (!isSuccess(ctx)) return true;
    // A write that was not foreseen has opened the transaction; it belongs with the others.
    if (unit.isOpen) return false;
    return await settleMachineRequest(runtime, tenant, { prepared, origin: environment.originOf(ctx) });
  } finally {
    await unit.rollback();
    delete state.machine;
  }
}

/** True when the request is answered. What the engine refuses stays refused: nothing of it was written, here as on the long way. */
async function answerTheShortWay(
  environment: EngineEnvironment,
  ctx: Context,
  { engine, short }: { engine: EngineDoor; short: ShortWay },
): Promise<boolean> {
  const { runtime, tenant } = environment;
  const state = stateOf(ctx);
  const unit = beginUnitOfWork(runtime);
  state.unit = unit;
  state.short = short;
  try {
    await engine(ctx);
    if (!isSuccess(ctx)) return true;
    // The engine revokes what was used before, and that never comes here.
    if (state.revocations.size > 0) throw new Error('a plain token request gave reason to end an installation');
    const { isConsumed, successor, prepared } = short;
    // A write that was not foreseen has opened the transaction; it belongs with the others.
    if (!isConsumed || unit.isOpen) return false;
    return await settlePreparedRequest(runtime, tenant, { prepared, ...(successor && { successor }), origin: environment.originOf(ctx) });
  } finally {
    await unit.rollback();
    delete state.short;
  }
}

/**
 * Owns the unit of work of a token request. The engine answers errors without throwing, so the status decides: 2xx commits, and all
 * else rolls back, frees the connection, and only then ends the installations that the request gave reason to end, because that
 * must last though the request failed (ENG-4). The answer leaves when all this is done; when it cannot be done, this throws.
 */
async function answerTheLongWay(environment: EngineEnvironment, ctx: Context, engine: EngineDoor): Promise<void> {
  const { runtime, tenant } = environment;
  const state = stateOf(ctx);
  const unit = beginUnitOfWork(runtime);
  state.unit = unit;
  try {
    await engine(ctx);
    if (isSuccess(ctx)) await unit.commit();
  } finally {
    await unit.rollback();
  }
  for (const [grantId, reason] of state.revocations) {
    await endInstallationOfGrant(runtime, tenant, { grantId, reason, origin: environment.originOf(ctx) });
  }
}

function isSuccess({ status }: Context): boolean {
  return status >= 200 && status < 300;
}
