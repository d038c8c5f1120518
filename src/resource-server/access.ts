import { formatToolScope, isToolName, type ParsedScope, parseScope, splitScope } from './scope.ts';
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

/** What {@link createAccess} is given beside the token's facts. */
export interface AccessContext {
  readonly issuer: string;
  readonly resource: string;
  /** The token's scope, parsed. */
  readonly parsed: ParsedScope;
  /** The names of the token's selection document, when it has one. */
  readonly selected: ReadonlySet<string> | undefined;
}

/**
 * Says what a token allows. Aggregates (`tools`, `tools.read`) allow nothing here: the issuer
 * expands them when it makes a token, and only the issuer knows what they stand for.
 */
export function createAccess(facts: TokenFacts, context: AccessContext): Access {
  return new TokenAccess(facts, context);
}

/** What a token allows, spelled out as far as somebody asks: most requests ask for one tool. */
class TokenAccess implements Access {
  readonly #facts: TokenFacts;
  readonly #context: AccessContext;
  readonly #names: ReadonlySet<string>;
  #tools: readonly string[] | undefined;
  #scopes: readonly string[] | undefined;
  #expanded: readonly string[] | undefined;
  /** Needs no `this`: it is handed around. */
  readonly allows: (name: string) => boolean;

  constructor(facts: TokenFacts, context: AccessContext) {
    this.#facts = facts;
    this.#context = context;
    const { parsed, selected } = context;
    const names = new Set(selected === undefined ? parsed.toolNames : [...parsed.toolNames, ...selected]);
    this.#names = names;
    this.allows = (name) => names.has(name);
    Object.freeze(this);
  }

  get issuer(): string {
    return this.#context.issuer;
  }

  get resource(): string {
    return this.#context.resource;
  }

  get subject(): string {
    return this.#facts.subject;
  }

  get clientId(): string {
    return this.#facts.clientId;
  }

  get consentId(): string | undefined {
    return this.#facts.consentId;
  }

  get tokenId(): string | undefined {
    return this.#facts.tokenId;
  }

  get expiresAt(): Date {
    return this.#facts.expiresAt;
  }

  get scopes(): readonly string[] {
    this.#scopes ??= Object.freeze(splitScope(this.#facts.scope));
    return this.#scopes;
  }

  get tools(): readonly string[] {
    this.#tools ??= Object.freeze([...this.#names]);
    return this.#tools;
  }

  get allowsResources(): boolean {
    return this.#context.parsed.resources;
  }

  get allowsPrompts(): boolean {
    return this.#context.parsed.prompts;
  }

  get allowsCatalogue(): boolean {
    return this.#context.parsed.catalogue;
  }

  expandedScopes(): string[] {
    // Thousands of tools are spelled out once per token, not once per request.
    this.#expanded ??= [...new Set([...this.scopes, ...this.tools.filter(isToolName).map(formatToolScope)])];
    return [...this.#expanded];
  }
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
  return createAccess(facts, { issuer: '', resource: '', parsed: parseScope(''), selected: undefined });
}
