/** Pages that the engine asks for: errors that must not be redirected (MCP-11), and sign-out on behalf of a client. */
import type { Context } from 'koa';
import type { EngineSettings, PageProblem, SignOutPage } from '../../oidc/engine-contract.ts';
import type { Tenant } from '../../services/runtime.ts';
import { frameOf } from '../answer.ts';
import { callerOf } from '../caller.ts';
import { prefersPage } from '../error-handler.ts';
import { problemWords } from '../http-problem.ts';
import { allowAnyFormTarget } from '../security-headers.ts';
import type { Render } from '../views/render.ts';
import { readableName, readableText } from '../views/untrusted-text.ts';

type EnginePages = Pick<EngineSettings, 'renderError' | 'renderSignOut' | 'renderSignedOut' | 'describeCaller'>;

/** Makes what the engine calls back. */
export function createEnginePages({ render, tenant }: { render: Render; tenant: Tenant }): EnginePages {
  return {
    renderError: (ctx, problem) => {
      if (!prefersPage(ctx)) {
        ctx.body = { error: problem.error, ...(problem.description !== undefined && { error_description: problem.description }) };
        return;
      }
      showHtml(ctx, render('error', { ...frameOf(tenant), ...problemPage(problem), requestId: callerOf(ctx.req).requestId }));
    },
    renderSignOut: (ctx, page) => {
      allowAnyFormTarget(ctx.res);
      showHtml(ctx, render('sign-out', { ...frameOf(tenant), ...signOutPage(page) }));
    },
    renderSignedOut: (ctx) => showHtml(ctx, render('done', { ...frameOf(tenant), ...signedOutWords(tenant) })),
    describeCaller: (ctx) => callerOf(ctx.req),
  };
}

/** What is said after signing out. */
export function signedOutWords({ issuer }: Pick<Tenant, 'issuer'>) {
  return {
    title: 'You are signed out',
    text: 'Connected agents keep what you allowed them.',
    next: { href: `${issuer}/account`, label: 'Sign in again' },
  };
}

function showHtml(ctx: Context, html: string): void {
  ctx.type = 'html';
  ctx.set('Cache-Control', 'no-store');
  ctx.body = html;
}

function signOutPage({ form, clientName }: SignOutPage) {
  const fields = Object.entries(form.fields).map(([name, value]) => ({ name, value }));
  return { action: form.action, fields, ...(clientName !== undefined && { agent: readableName(clientName, 'An agent') }) };
}

const addAgain = 'Remove the MCP server in your agent (your MCP client) and add it again: it then introduces itself anew.';
const tellDeveloper = 'If that does not help, tell whoever makes the agent what stands below.';

function problemPage(problem: PageProblem) {
  const facts = [
    ...(problem.clientName === undefined ? [] : [{ name: 'Agent', value: readableName(problem.clientName, 'without a name') }]),
    ...(problem.clientId === undefined ? [] : [{ name: 'Client id', value: readableText(problem.clientId, 200) }]),
    { name: 'Error', value: readableText([problem.error, problem.description ?? ''].filter(Boolean).join(': '), 300) },
  ];
  return { ...wordsOf(problem), facts };
}

/** What happened and what to do, by the error's code; the engine's own text stands among the facts only. */
function wordsOf({ error, status, description = '' }: PageProblem): { title: string; what: string; steps: readonly string[] } {
  if (status >= 500) return problemWords[status === 503 ? 'unavailable' : 'fault'];
  if (error === 'invalid_client') {
    return {
      title: 'This agent is not known here',
      what: 'An agent sent you here with an id that is not known on this site. It may have been removed, or it belongs to another site.',
      steps: [addAgain, tellDeveloper],
    };
  }
  if (error === 'invalid_redirect_uri' || description.includes('redirect_uri')) {
    return {
      title: 'The way back to your agent is not the one it named',
      what: 'The agent wants your answer at an address that it did not give when it introduced itself. To keep your answer from going astray, nothing was sent there.',
      steps: [addAgain, tellDeveloper],
    };
  }
  if (description.includes('client_id')) {
    return {
      title: 'Nobody says who is asking',
      what: 'An agent sent you here without saying which one it is.',
      steps: [addAgain, tellDeveloper],
    };
  }
  if (/session|interaction|expired/i.test(description)) return problemWords['interaction-not-found'];
  return {
    title: 'The agent’s request cannot be understood',
    what: 'It asks for something that this site does not do, or asks in a way that it does not accept. Nothing was allowed.',
    steps: ['Update your agent, then connect to the server again.', addAgain, tellDeveloper],
  };
}
