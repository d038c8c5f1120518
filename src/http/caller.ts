/** Who is calling: the request's id and the address it came from. Kept per request, so that the engine's own koa context finds it too. */
import type { IncomingMessage } from 'node:http';
import { randomId } from '../platform/random.ts';
import { clientAddress, type TrustedProxies } from './client-address.ts';

/** A caller. */
export interface Caller {
  requestId: string;
  /** An IP address; IPv4 in its own form. */
  address: string;
}

const callers = new WeakMap<IncomingMessage, Caller>();

/** Notes who calls; before anything else of a request. */
export function identifyCaller(request: IncomingMessage, trustedProxies: TrustedProxies): Caller {
  const forwarded = request.headers['x-forwarded-for'];
  const address = clientAddress(request.socket.remoteAddress, typeof forwarded === 'string' ? forwarded : undefined, trustedProxies);
  const caller = { requestId: randomId('req_'), address };
  callers.set(request, caller);
  return caller;
}

/** Returns who calls. Throws when nobody noted it: then a request came in beside the middleware list. */
export function callerOf(request: IncomingMessage): Caller {
  const caller = callers.get(request);
  if (!caller) throw new Error('a request was not identified');
  return caller;
}
