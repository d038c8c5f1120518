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
import { redirectOf } from './agent.ts';
import { wordsOfDocumentProblem } from './document-problems.ts';
import { wordsOfRequestProblem } from './request-problems.ts';

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
function signedOutWords({ issuer }: Pick<Tenant, 'issuer'>) {
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

function problemPage(problem: PageProblem) {
  const { status, error, description = '', request, document, wayBack, clientId, clientName } = problem;
  const facts = [
    ...(clientName === undefined ? [] : [{ name: 'Agent', value: readableName(clientName, 'without a name') }]),
    ...(clientId === undefined ? [] : [{ name: 'Client id', value: readableText(clientId, 200) }]),
    { name: 'Error', value: readableText([error, description].filter(Boolean).join(': '), 300) },
  ];
  if (document) return { ...wordsOfDocumentProblem(document, clientId ?? ''), facts };
  if (!request || status >= 500) return { ...problemWords[status === 503 ? 'unavailable' : 'fault'], facts };
  return { ...wordsOfRequestProblem(request), facts, ...(wayBack && { wayBack: wayBackOf(wayBack) }) };
}

/** Where the agent waits for its answer: a link that somebody may choose, and nothing follows by itself (RFC 9700 §4.11.2). */
function wayBackOf({ redirectUri, location }: NonNullable<PageProblem['wayBack']>) {
  const { kind, target } = redirectOf(redirectUri);
  const who = { web: target, loopback: `the program at ${target}`, app: `the app that opens ${target}` }[kind];
  return { href: location, who };
}
