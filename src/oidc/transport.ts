import type { Context } from 'koa';
import type { Tenant } from '../services/runtime.ts';

/**
 * Makes a request count as https exactly when the issuer is: TLS may end at a proxy, and what the request says of itself is not
 * believed (ENG-20). Cookies are marked `Secure` by this.
 */
export function trustTransport(ctx: Context, { issuer }: Tenant): void {
  const protocol = issuer.startsWith('https:') ? 'https' : 'http';
  if (ctx.request.protocol === protocol) return;
  Object.defineProperty(ctx.request, 'protocol', { value: protocol, configurable: true });
  ctx.cookies.secure = protocol === 'https';
}
