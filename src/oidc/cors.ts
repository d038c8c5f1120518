import type { Context } from 'koa';

/** Request headers that MCP clients in browsers send (MCP-34). */
const allowedHeaders = 'authorization, content-type, accept, mcp-protocol-version';

/**
 * Lets scripts of any origin read an endpoint. No cookie counts at these endpoints and none is let through (no
 * `Access-Control-Allow-Credentials`), so an origin gains nothing that a command line does not have.
 */
export function allowAnyOrigin(ctx: Context): void {
  ctx.set(anyOriginHeaders);
}

/** What says so. */
export const anyOriginHeaders = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'WWW-Authenticate, Retry-After',
} as const;

/** Keeps scripts of other origins out of what the engine answered: by itself it lets any of them read its errors. */
export function allowNoOrigin(ctx: Context): void {
  ctx.remove('Access-Control-Allow-Origin');
  ctx.remove('Access-Control-Expose-Headers');
}

/** Answers a preflight. */
export function answerPreflight(ctx: Context, methods: readonly string[]): void {
  ctx.set('Access-Control-Allow-Origin', '*');
  ctx.set('Access-Control-Allow-Methods', methods.join(', '));
  ctx.set('Access-Control-Allow-Headers', allowedHeaders);
  ctx.set('Access-Control-Max-Age', '3600');
  ctx.status = 204;
}
