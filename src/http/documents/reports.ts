import type { Context } from 'koa';
import { authenticateServer } from '../../services/authenticate-server.ts';
import { recordReports } from '../../services/record-reports.ts';
import { HttpProblem } from '../http-problem.ts';
import { readJsonObject } from '../request-body.ts';
import type { Site } from '../site.ts';
import { credentialInvalid, requireServerCredential } from './server-credential.ts';

const maxBytes = 1024 * 1024;

/** The most reports that are taken at once. */
const maxReports = 1_000;

/** A server's library reports tool calls, with the server's credential. Answered once all that is kept is committed. */
export async function serveReports(ctx: Context, site: Site): Promise<void> {
  // Before anything is read: a batch is large.
  const { serverId, secret } = requireServerCredential(ctx, site);
  const server = await authenticateServer(site.runtime, site.tenant, { id: serverId, secret });
  if (!server) throw credentialInvalid(site, 'a wrong credential');
  const body = await readJsonObject(ctx.req, maxBytes);
  const reports = body.get('reports');
  if (!Array.isArray(reports) || reports.length > maxReports)
    throw new HttpProblem('bad-request', { message: `no list of at most ${maxReports} reports` });
  const admission = await site.limits.admitReports(site.tenant, server.id, Math.max(1, reports.length));
  if (!admission.isAdmitted) throw new HttpProblem('too-many-reports', { headers: { 'Retry-After': String(admission.retryAfterSeconds) } });
  ctx.body = await recordReports(site.runtime, site.tenant, { serverId: server.id, reports, dropped: body.get('dropped') });
  ctx.set('Cache-Control', 'no-store');
}
