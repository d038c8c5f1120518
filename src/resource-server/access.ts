import { formatToolScope, isToolName, parseScope, splitScope } from './scope.ts';
import type { TokenFacts } from './token-facts.ts';

/** What one good token allows at this server. Immutable, and shared by all requests with that token. */
export interface Access {
  readonly issuer: string;
  readonly resource: string;
  /** The person or service account (`sub`). */
  readonly subject: string;
  readonly clientId: string;
  /** The consent behind the token; undefined for machine grants. */
  readonly consentId: string | undefined;
  /** The token's `jti`; introspection may not tell. */
  readonly tokenId: string | undefined;
  readonly expiresAt: Date;
  /** The scopes as they stand in the token. */
  readonly scopes: readonly string[];
  /** Exact names of the tools that may be called. */
  readonly tools: readonly string[];
  readonly allowsResources: boolean;
  readonly allowsPrompts: boolean;
  /** The issuer reads the catalogue: the whole tool list may be seen, nothing called. */
  readonly allowsCatalogue: boolean;
  /** Whether a tool of exactly this name may be called. */
  allows(name: string): boolean;
  /** One scope per permission, with every tool spelled out also where the token names a selection. */
  expandedScopes(): string[];
}

/**
 * Says what a token allows. Aggregates (`tools`, `tools.read`) allow nothing here: the issuer
 * expands them when it makes a token, and only the issuer knows what they stand for.
 */
export function createAccess(
  facts: TokenFacts,
  context: {
    readonly issuer: string;
    readonly resource: string;
    /** The names of the token's selection document, when it has one. */
    readonly selected: ReadonlySet<string> | undefined;
  },
): Access {
  const parsed = parseScope(facts.scope);
  const names = new Set([...parsed.toolNames, ...(context.selected ?? [])]);
  const tools = Object.freeze([...names]);
  const scopes = Object.freeze(splitScope(facts.scope));
  let expanded: readonly string[] | undefined;
  return Object.freeze({
    issuer: context.issuer,
    resource: context.resource,
    subject: facts.subject,
    clientId: facts.clientId,
    consentId: facts.consentId,
    tokenId: facts.tokenId,
    expiresAt: facts.expiresAt,
    scopes,
    tools,
    allowsResources: parsed.resources,
    allowsPrompts: parsed.prompts,
    allowsCatalogue: parsed.catalogue,
    allows: (name: string) => names.has(name),
    expandedScopes: () => {
      // Thousands of tools are spelled out once per token, not once per request.
      expanded ??= [...new Set([...scopes, ...tools.filter(isToolName).map(formatToolScope)])];
      return [...expanded];
    },
  });
}

/** What a caller without a token may do: nothing. */
export function noAccess(): Access {
  const facts: TokenFacts = {
    subject: '',
    clientId: '',
    consentId: undefined,
    tokenId: undefined,
    scope: '',
    selection: undefined,
    expiresAt: new Date(0),
    status: undefined,
  };
  return createAccess(facts, { issuer: '', resource: '', selected: undefined });
}
