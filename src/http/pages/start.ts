import type { Context } from 'koa';
import { frameOf, showPage } from '../answer.ts';
import type { Site } from '../site.ts';

/** The page at the issuer's own address. */
export async function showStart(ctx: Context, site: Site): Promise<void> {
  showPage(ctx, site, { view: 'start', context: frameOf(site.tenant) });
}
