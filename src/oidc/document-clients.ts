/**
 * Clients that are a document, at the authorization endpoint. The engine could fetch documents by itself; its cache is of one process,
 * it refetches keys on every token request, and it opens connections before it looks where they lead (ENG-18, ENG-19). So it is told
 * nothing of all this: the service sees to the document, and the engine finds a client like any other.
 */
import type { Context } from 'koa';
import { isDocumentUrl } from '../domain/metadata-document.ts';
import { admitDocumentClient, type DocumentClientProblem } from '../services/admit-document-client.ts';
import type { EngineEnvironment } from './engine-environment.ts';
import { renderProblem } from './pages.ts';

/** Sees to the client of an authorization request where it is a document; false when that is impossible, and answered with a page (MCP-11). */
export async function seeToDocument(environment: EngineEnvironment, ctx: Context): Promise<boolean> {
  const { runtime, tenant, settings } = environment;
  const { client_id: clientId } = ctx.query;
  // One that came twice is the engine's to refuse.
  if (typeof clientId !== 'string' || !isDocumentUrl(clientId)) return true;
  const origin = environment.originOf(ctx);
  const caller = settings.groupCaller(ctx);
  const admission = await admitDocumentClient(runtime, tenant, { clientId, origin, caller, admit: () => settings.admitNewClient(ctx) });
  if (admission.ok) return true;
  const { problem } = admission;
  const { requestId } = settings.describeCaller(ctx);
  const reason = reasonOf(problem);
  runtime.log.info({ requestId, clientId, error: 'invalid_client', reason }, 'protocol request refused');
  if (problem.kind === 'too-many') ctx.set('Retry-After', String(problem.retryAfterSeconds));
  const wire = problem.kind === 'too-many' ? tooMany : { status: 400, error: 'invalid_client', description: shownReasonOf(problem) };
  await renderProblem(environment, ctx, { ...wire, clientId, document: problem });
  return false;
}

const tooMany = { status: 429, error: 'temporarily_unavailable', description: 'too many new clients from this address' };

/** For the log: with what was found out about addresses. */
function reasonOf(problem: DocumentClientProblem): string {
  switch (problem.kind) {
    case 'not-accepted':
      return problem.about === 'host' ? 'metadata documents of this host are not accepted' : 'metadata documents are not accepted';
    case 'url':
      return problem.reason;
    case 'document':
      return `the metadata document cannot be had (${problem.problem.reason}): ${problem.problem.detail}`;
    case 'too-many':
      return tooMany.description;
  }
}

/** For whoever makes the client; nothing about addresses, which could be ours. */
function shownReasonOf(problem: DocumentClientProblem): string {
  if (problem.kind !== 'document') return reasonOf(problem);
  const { reason, detail } = problem.problem;
  const shown = reason === 'status' || reason === 'unfit' || reason === 'too-large' || reason === 'not-json' ? `: ${detail}` : '';
  return `the metadata document cannot be had (${reason})${shown}`;
}
