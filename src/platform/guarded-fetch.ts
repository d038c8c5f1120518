/**
 * The one way out: requests to URLs that others gave us. Where they go is decided before a connection is made, on the very
 * addresses it is then made to (a name that resolves differently a moment later changes nothing), and time, size, number and
 * redirects are bounded. Only this room sends requests; everything else is handed a `GuardedFetch`.
 */
import { isIP, type LookupFunction } from 'node:net';
import { Agent, buildConnector, type RequestInit as UndiciRequestInit, fetch as undiciFetch } from 'undici';
import { boundBody } from './bounded-body.ts';
import { type ResolvedAddress, resolveByDns, resolveBySystem } from './name-resolution.ts';
import { type AddressPolicy, isAddressAllowed, type OutboundProfile } from './outbound-address.ts';
import { OutboundFailure } from './outbound-failure.ts';
import { startRequestLimit } from './request-limit.ts';

export { OutboundFailure, type OutboundFailureReason } from './outbound-failure.ts';

/** Like the global `fetch`, but guarded; it throws `OutboundFailure`, also while the body is read. */
export interface GuardedFetch {
  (input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** Closes the connections kept open. */
  close(): Promise<void>;
}

/** Bounds of a guarded fetch. */
export interface GuardedFetchOptions {
  profile: OutboundProfile;
  /** Whether the issuer is on a loopback address; then admin-supplied URLs may be too. */
  issuerIsLoopback: boolean;
  /** For a request as a whole, body included. Default: stranger 5 s, admin 30 s. */
  timeoutMs?: number;
  /** Of a body, decompressed. Default: stranger 64 KiB, admin 8 MiB. */
  maxBytes?: number;
  /** Requests at a time. Default: stranger 20, admin 50. */
  maxConcurrent?: number;
  /** Finds the addresses of a name. Default: stranger by DNS alone, admin as the system does. */
  resolve?: (name: string) => Promise<ResolvedAddress[]>;
}

const defaults = {
  stranger: { timeoutMs: 5_000, maxBytes: 64 * 1024, maxConcurrent: 20, schemes: ['https:'], resolve: resolveByDns },
  admin: { timeoutMs: 30_000, maxBytes: 8 * 1024 * 1024, maxConcurrent: 50, schemes: ['https:', 'http:'], resolve: resolveBySystem },
};

/** Makes a guarded fetch; one per profile and process, because it counts what runs. */
export function createGuardedFetch(options: GuardedFetchOptions): GuardedFetch {
  const bounds = { ...defaults[options.profile], ...withoutUndefined(options) };
  const policy = { profile: options.profile, allowLoopback: options.profile === 'admin' && options.issuerIsLoopback };
  const agent = createAgent(policy, bounds.timeoutMs, bounds.resolve);
  let running = 0;

  const guarded = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const url = readUrl(input);
    if (!bounds.schemes.includes(url.protocol) || url.username !== '' || url.password !== '') {
      throw new OutboundFailure(`A ${options.profile}-supplied URL must be ${bounds.schemes.join(' or ')} without user and password.`, {
        reason: 'url-not-allowed',
      });
    }
    if (running >= bounds.maxConcurrent) throw new OutboundFailure(`${running} outbound requests are running.`, { reason: 'busy' });
    const request = new Request(input, init);
    running += 1;
    const limit = startRequestLimit({
      host: url.host,
      timeoutMs: bounds.timeoutMs,
      outer: request.signal,
      onEnd: () => {
        running -= 1;
      },
    });
    try {
      const response = await undiciFetch(url, {
        method: request.method,
        headers: [...withDefaultHeaders(request.headers)],
        // A text keeps its length; a stream would be sent in chunks, which not every server reads.
        body: (typeof init.body === 'string' || init.body instanceof URLSearchParams
          ? init.body
          : request.body) as UndiciRequestInit['body'],
        duplex: 'half',
        redirect: 'manual',
        dispatcher: agent,
        signal: limit.signal,
      });
      if (isRedirect(response.status)) {
        await response.body?.cancel();
        throw new OutboundFailure(`${url.host} answered with a redirect.`, {
          reason: 'redirect',
          location: response.headers.get('location') ?? undefined,
        });
      }
      return boundBody(response as unknown as Response, { maxBytes: bounds.maxBytes, host: url.host, limit });
    } catch (error) {
      limit.end();
      throw limit.explain(error);
    }
  };
  return Object.assign(guarded, { close: () => agent.destroy() });
}

function createAgent(policy: AddressPolicy, timeoutMs: number, resolve: NonNullable<GuardedFetchOptions['resolve']>): Agent {
  const refuse = (host: string) =>
    new OutboundFailure(`${host} leads to an address that may not be reached.`, { reason: 'address-not-allowed' });
  // The connection is made to the addresses this returns: there is no second look-up for an attacker to answer differently.
  const lookup: LookupFunction = (name, options, done) => {
    resolve(name).then(
      (found) => {
        const [first] = found;
        if (!first) done(new OutboundFailure(`${name} has no address.`, { reason: 'name-not-found' }), '');
        else if (!found.every(({ address }) => isAddressAllowed(address, policy))) done(refuse(name), '');
        else if (options.all) done(null, found);
        else done(null, first.address, first.family);
      },
      (cause) => done(new OutboundFailure(`${name} cannot be resolved.`, { reason: 'name-not-found', cause }), ''),
    );
  };
  const connect = buildConnector({ timeout: timeoutMs, lookup });
  return new Agent({
    connections: 8,
    keepAliveTimeout: 4_000,
    keepAliveMaxTimeout: 10_000,
    maxHeaderSize: 16_384,
    connect: (target, done) => {
      const host = target.hostname.replace(/^\[|\]$/g, '');
      // An address in the URL itself is never looked up.
      if (isIP(host) !== 0 && !isAddressAllowed(host, policy)) done(refuse(host), null);
      else connect(target, done);
    },
  });
}

function withDefaultHeaders(headers: Headers): Headers {
  if (!headers.has('accept-encoding')) headers.set('accept-encoding', 'identity');
  if (!headers.has('user-agent')) headers.set('user-agent', 'toolgrant');
  return headers;
}

function isRedirect(status: number): boolean {
  return status >= 300 && status < 400 && status !== 304;
}

function readUrl(input: string | URL | Request): URL {
  try {
    return new URL(input instanceof Request ? input.url : input);
  } catch (cause) {
    throw new OutboundFailure('This is no URL.', { reason: 'url-not-allowed', cause });
  }
}

function withoutUndefined<T extends object>(object: T): Partial<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Partial<T>;
}
