/**
 * Who is calling: the request's ids and the address it came from. Kept per request, so that the engine's own koa context finds it too. At the
 * request itself, not in a weak map: V8 keeps what such a map leads to until it looks through the whole heap, long after the answer.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { randomId } from '../platform/random.ts';
import { readTraceparent } from '../platform/tracing.ts';
import { clientAddress, isTrusted, type TrustedProxies } from './client-address.ts';
import { spanOf } from './trace-requests.ts';

/** A caller. */
export interface Caller {
  requestId: string;
  /** An IP address; IPv4 in its own form. */
  address: string;
  /** Of our own trace, or where we make none, of the one that a trusted proxy began. */
  traceId?: string;
}

const key = Symbol('caller');

type Identified = IncomingMessage & { [key]?: Caller };

/** Notes who calls; before anything else of a request. */
export function identifyCaller(request: IncomingMessage, trustedProxies: TrustedProxies): Caller {
  const forwarded = request.headers['x-forwarded-for'];
  const address =
    typeof forwarded === 'string'
      ? clientAddress(request.socket.remoteAddress, forwarded, trustedProxies)
      : peerAddress(request.socket, trustedProxies);
  const traceId = spanOf(request)?.traceId ?? traceOfProxy(request, trustedProxies);
  const caller = { requestId: randomId('req_'), address, ...(traceId !== undefined && { traceId }) };
  (request as Identified)[key] = caller;
  return caller;
}

function traceOfProxy({ headers: { traceparent }, socket }: IncomingMessage, trustedProxies: TrustedProxies): string | undefined {
  if (typeof traceparent !== 'string' || !isTrusted(socket.remoteAddress, trustedProxies)) return undefined;
  return readTraceparent(traceparent)?.traceId;
}

/** The address at the other end of a connection; parsed once for all its requests. */
function peerAddress(socket: Socket, trustedProxies: TrustedProxies): string {
  const address = peers.get(socket) ?? clientAddress(socket.remoteAddress, undefined, trustedProxies);
  // A connection that is gone has no address any more; that is not to be remembered.
  if (!socket.destroyed) peers.set(socket, address);
  return address;
}

const peers = new WeakMap<Socket, string>();

/** Returns who calls. Throws when nobody noted it: then a request came in beside the middleware list. */
export function callerOf(request: IncomingMessage): Caller {
  const caller = (request as Identified)[key];
  if (!caller) throw new Error('a request was not identified');
  return caller;
}
