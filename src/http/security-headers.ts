/** Headers that keep a page to itself. They are set before anything else runs, so that errors carry them too (ABUSE-37, ENG-24). */
import type { ServerResponse } from 'node:http';

/** Sets the headers that every response carries; what may be kept by a cache says so itself, later. */
export function setSecurityHeaders(response: ServerResponse, { isSecure }: { isSecure: boolean }): void {
  for (const [name, value] of Object.entries(securityHeaders({ isSecure }))) response.setHeader(name, value);
}

/** The headers that every response carries. */
export function securityHeaders({ isSecure }: { isSecure: boolean }): Readonly<Record<string, string>> {
  return isSecure ? { ...plainHeaders, ...transportHeader } : plainHeaders;
}

const transportHeader = { 'Strict-Transport-Security': 'max-age=31536000' };

/** Tells browsers to come by https only, where the issuer is https. */
export function setTransportSecurity(response: ServerResponse, { isSecure }: { isSecure: boolean }): void {
  if (isSecure) response.setHeader('Strict-Transport-Security', transportHeader['Strict-Transport-Security']);
  else response.removeHeader('Strict-Transport-Security');
}

/**
 * Lets a page's form end in a redirect to `source` beside our own origin: browsers apply `form-action` to every hop of a
 * submission, and Allow ends at the client. `source` is an origin or `scheme:`; anything else throws, because it would write
 * into the policy.
 */
export function allowFormTarget(response: ServerResponse, source: string): void {
  if (!/^(?:https?:\/\/[a-z0-9.:[\]-]+|[a-z][a-z0-9+.-]*:)$/i.test(source))
    throw new Error('a form target is neither an origin nor a scheme');
  // A policy cannot name an IPv6 address; its scheme is the narrowest that lets the redirect through.
  response.setHeader(
    'Content-Security-Policy',
    contentSecurityPolicy(source.includes('[') ? source.slice(0, source.indexOf(':') + 1) : source),
  );
}

/** Lets a form end at any https or loopback address: sign-out on behalf of a client, whose return address the engine has checked. */
export function allowAnyFormTarget(response: ServerResponse): void {
  response.setHeader('Content-Security-Policy', contentSecurityPolicy('https:', 'http://localhost:*', 'http://127.0.0.1:*'));
}

/** Cuts a page off from windows of other origins. Not for pages in a client's popup: its `window.opener` would be gone. */
export function isolateWindow(response: ServerResponse): void {
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
}

function contentSecurityPolicy(...formTargets: string[]): string {
  return [
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self'",
    `form-action ${["'self'", ...formTargets].join(' ')}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ');
}

const plainHeaders = {
  'Content-Security-Policy': contentSecurityPolicy(),
  'X-Frame-Options': 'DENY',
  'X-Content-Type-Options': 'nosniff',
  // Not `no-referrer`: under it browsers send `Origin: null` with our own forms, which then look foreign.
  'Referrer-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
} as const;
