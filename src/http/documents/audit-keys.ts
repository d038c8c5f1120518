import type { Context } from 'koa';
import { listTrustedAuditKeys } from '../../services/audit-keys.ts';
import type { Site } from '../site.ts';

/** Serves the public keys by which seals and receipts are verified (RFC 7517): present and former ones, newest first. */
export async function serveAuditKeys(ctx: Context, { runtime, tenant }: Site): Promise<void> {
  const keys = await listTrustedAuditKeys(runtime, tenant.id);
  ctx.set('Content-Type', 'application/jwk-set+json');
  ctx.set('Cache-Control', 'public, max-age=300');
  ctx.body = JSON.stringify({ keys: keys.map(({ kid, publicJwk }) => ({ ...publicJwk, kid, alg: 'ES256', use: 'sig' })) });
}
