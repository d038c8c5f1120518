/** Turns whatever a handler threw into an answer: known problems with their words, trouble of the database as 503, all else as 500. */
import type { Context, Middleware } from 'koa';
import { isBrokenOff } from '../platform/broken-off.ts';
import { isDatabaseTrouble } from '../platform/database-trouble.ts';
import { logFault } from '../platform/logger.ts';
import { PasswordHashingBusy } from '../platform/passwords.ts';
import type { Runtime } from '../services/runtime.ts';
import { callerOf } from './caller.ts';
import { HttpProblem, type ProblemWords, problemWords } from './http-problem.ts';
import type { ErrorContext } from './views/contexts.ts';
import type { PageFrame } from './views/frame-contexts.ts';
import type { Render } from './views/render.ts';

/** After how many seconds a client may try again when a part of us is down. */
const unavailableRetrySeconds = 5;

/** Answers what the rest of the chain throws. */
export function handleErrors(options: {
  render: Render;
  frameFor: (ctx: Context) => PageFrame;
  runtime: Pick<Runtime, 'log' | 'tracing'>;
}): Middleware {
  const { render, runtime, frameFor } = options;
  return async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      if (isBrokenOff(ctx.req, error)) {
        ctx.status = 400;
        runtime.log.info({ requestId: callerOf(ctx.req).requestId }, 'request broken off by its sender');
        return;
      }
      if (ctx.res.headersSent) {
        runtime.tracing.noteFault(error);
        logFault(runtime.log, error, { message: 'request failed after the answer had begun', requestId: callerOf(ctx.req).requestId });
        ctx.res.destroy();
        return;
      }
      const problem = problemOf(error);
      reportProblem(ctx, problem, runtime);
      answerProblem(ctx, problem, { render, frame: frameFor(ctx) });
    }
  };
}

/** Answers with a problem: a page for people, JSON for programs. */
export function answerProblem(ctx: Context, problem: HttpProblem, about: { render: Render; frame: PageFrame }): void {
  const words = problemWords[problem.kind];
  ctx.status = words.status;
  ctx.set('Cache-Control', 'no-store');
  ctx.set(problem.headers);
  if (prefersPage(ctx)) {
    ctx.type = 'html';
    ctx.body = about.render('error', errorPage(about.frame, words, callerOf(ctx.req).requestId));
  } else {
    ctx.body = { error: words.error, error_description: words.what };
  }
}

/** Whether who asks is a person: browsers ask for HTML by name, programs do not. */
export function prefersPage(ctx: Context): boolean {
  return ctx.get('Accept').includes('text/html');
}

function errorPage(frame: PageFrame, words: ProblemWords, requestId: string): ErrorContext {
  return { ...frame, title: words.title, what: words.what, steps: words.steps, facts: [], requestId };
}

function problemOf(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (isDatabaseTrouble(error) || error instanceof PasswordHashingBusy) {
    return new HttpProblem('unavailable', { cause: error, headers: { 'Retry-After': String(unavailableRetrySeconds) } });
  }
  // Node's parser and URL decoding say so themselves when a request cannot be read.
  if (error instanceof URIError) return new HttpProblem('bad-request', { cause: error });
  return new HttpProblem('fault', { cause: error });
}

function reportProblem(ctx: Context, problem: HttpProblem, { log, tracing }: Pick<Runtime, 'log' | 'tracing'>): void {
  const { requestId } = callerOf(ctx.req);
  if (problem.kind === 'fault' || problem.kind === 'unavailable') tracing.noteFault(problem.cause);
  switch (problem.kind) {
    case 'fault':
      logFault(log, problem.cause, { message: 'fault', requestId });
      return;
    case 'unavailable':
      logFault(log, problem.cause, { message: 'a part of the server is away or overloaded', requestId });
      return;
    default:
      log.info({ requestId, problem: problem.kind, reason: problem.message }, 'request refused');
  }
}
