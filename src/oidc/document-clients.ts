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
  const wire = wireOf(problem);
  if (wire.retryAfterSeconds !== undefined) ctx.set('Retry-After', String(wire.retryAfterSeconds));
  await renderProblem(environment, ctx, { ...wire, clientId, document: problem });
  return false;
}

/** An interrupted removal is taken up again within so long. */
const longestRemovalPauseSeconds = 60;

function wireOf(problem: DocumentClientProblem): { status: number; error: string; description: string; retryAfterSeconds?: number } {
  const description = shownReasonOf(problem);
  const passing = { error: 'temporarily_unavailable', description };
  if (problem.kind === 'too-many') return { ...passing, status: 429, retryAfterSeconds: problem.retryAfterSeconds };
  if (problem.kind === 'being-removed') return { ...passing, status: 503, retryAfterSeconds: longestRemovalPauseSeconds };
  return { status: 400, error: 'invalid_client', description };
}

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
      return 'too many new clients from this address';
    case 'being-removed':
      return 'the client is just being removed';
  }
}

/** For whoever makes the client; nothing about addresses, which could be ours. */
function shownReasonOf(problem: DocumentClientProblem): string {
  if (problem.kind !== 'document') return reasonOf(problem);
  const { reason, detail } = problem.problem;
  const shown = reason === 'status' || reason === 'unfit' || reason === 'too-large' || reason === 'not-json' ? `: ${detail}` : '';
  return `the metadata document cannot be had (${reason})${shown}`;
}
