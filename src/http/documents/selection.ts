import type { Context } from 'koa';
import { findSelection } from '../../services/find-selection.ts';
import { HttpProblem } from '../http-problem.ts';
import type { Site } from '../site.ts';

/** Serves a selection document, byte for byte: its name is its hash, so a copy never grows old. */
export async function serveSelection(ctx: Context, site: Site): Promise<void> {
  const sha256 = ctx.params['sha256'] as string;
  const document = /^[\w-]{43}$/.test(sha256) ? await findSelection(site.runtime, site.tenant, sha256) : undefined;
  if (document === undefined) throw new HttpProblem('not-found');
  ctx.set('Content-Type', 'application/json');
  ctx.set('Cache-Control', 'public, max-age=3600, immutable');
  ctx.body = document;
}
