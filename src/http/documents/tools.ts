import type { Context } from 'koa';
import { authenticateServer } from '../../services/authenticate-server.ts';
import { hearOfTools } from '../../services/hear-of-tools.ts';
import { callerOf } from '../caller.ts';
import { HttpProblem } from '../http-problem.ts';
import { readJsonObject } from '../request-body.ts';
import type { Site } from '../site.ts';
import { credentialInvalid, requireServerCredential } from './server-credential.ts';

const maxBytes = 512 * 1024;

/** The most tools that are heard of at once. */
const maxTools = 500;

/** A server's library says which tools the server lists, with the server's credential. */
export async function serveTools(ctx: Context, site: Site): Promise<void> {
  const { serverId, secret } = requireServerCredential(ctx, site);
  const server = await authenticateServer(site.runtime, site.tenant, { id: serverId, secret });
  if (!server) throw credentialInvalid(site, 'a wrong credential');
  const admission = await site.limits.admitToolLists(site.tenant, server.id);
  if (!admission.isAdmitted) throw new HttpProblem('too-many-reports', { headers: { 'Retry-After': String(admission.retryAfterSeconds) } });
  const tools = (await readJsonObject(ctx.req, maxBytes)).get('tools');
  if (!Array.isArray(tools) || tools.length > maxTools)
    throw new HttpProblem('bad-request', { message: `no list of at most ${maxTools} tools` });
  await hearOfTools(site.runtime, site.tenant, { serverId: server.id, tools, ...callerOf(ctx.req) });
  ctx.status = 204;
  ctx.set('Cache-Control', 'no-store');
}
