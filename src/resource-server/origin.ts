import { isLoopbackHost } from './loopback.ts';

/** What a request's `Origin` means for a server. */
export type OriginJudgement =
  /** No browser page sent it, or the page is the server's own. */
  | 'absent'
  /** A page that may read the answers. */
  | 'allowed'
  /** A page that has no business here: 403 (MCP transports, "Security Warning"; DNS rebinding). */
  | 'foreign'
  /** Nobody said which pages may call: the request passes, the page learns nothing from CORS. */
  | 'unjudged';

/** What {@link judgeOrigin} goes by. */
export interface OriginRules {
  readonly resource: string;
  /**
   * Origins (`https://app.example`) that may call from a browser. Without a list, a server on this
   * machine takes pages from this machine only, and others take all: tokens do not travel by
   * themselves as cookies do.
   */
  readonly allowedOrigins?: readonly string[];
}

/** Judges an `Origin` header. */
export function judgeOrigin(origin: string | undefined, rules: OriginRules): OriginJudgement {
  if (origin === undefined) return 'absent';
  const resource = new URL(rules.resource);
  if (origin === resource.origin) return 'absent';
  if (rules.allowedOrigins !== undefined) {
    return rules.allowedOrigins.includes(origin) ? 'allowed' : 'foreign';
  }
  if (!isLoopbackHost(resource.hostname)) return 'unjudged';
  return URL.canParse(origin) && isLoopbackHost(new URL(origin).hostname) ? 'allowed' : 'foreign';
}

const EXPOSED = 'WWW-Authenticate, Mcp-Session-Id, Retry-After';

/** CORS headers for an answer. `WWW-Authenticate` is always exposed: without it no page can start signing in. */
export function corsHeaders(origin: string | undefined, judgement: OriginJudgement): Record<string, string> {
  const exposed = { 'access-control-expose-headers': EXPOSED };
  if (judgement !== 'allowed' || origin === undefined) return exposed;
  return { ...exposed, 'access-control-allow-origin': origin, vary: 'Origin' };
}

/** CORS headers for a preflight. */
export function preflightHeaders(origin: string, requestedHeaders: string | undefined): Record<string, string> {
  return {
    'access-control-allow-origin': origin,
    'access-control-allow-methods': 'GET, POST, DELETE',
    'access-control-allow-headers': requestedHeaders ?? 'authorization, content-type, mcp-protocol-version',
    'access-control-max-age': '600',
    vary: 'Origin, Access-Control-Request-Headers',
  };
}
