import { Permissions } from './permissions.ts';
import type { StatusReference, TokenFacts } from './token-facts.ts';

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

/** What all accesses of one verifier have in common; by it, whoever has an access finds what belongs to that verifier. */
export interface AccessOrigin {
  readonly issuer: string;
  readonly resource: string;
}

/** Says what a token allows: what its scope permits, to whom, and until when. */
export function createAccess(facts: TokenFacts, permissions: Permissions, origin: AccessOrigin): Access {
  return new TokenAccess(facts, permissions, origin);
}

/** The origin of an access that {@link createAccess} made; undefined for anything else. */
export function originOf(holder: object): AccessOrigin | undefined {
  return TokenAccess.originOf(holder);
}

/** Where the token's revocation bit stands; undefined when it has none, and for what {@link createAccess} did not make. */
export function statusOf(access: object): StatusReference | undefined {
  return TokenAccess.statusOf(access);
}

/** Thousands of them are kept: one object each, with what is the token's own and nothing else. */
class TokenAccess implements Access {
  readonly #origin: AccessOrigin;
  readonly #permissions: Permissions;
  readonly #status: StatusReference | undefined;
  readonly #expiresAtSeconds: number;
  readonly subject: string;
  readonly clientId: string;
  readonly consentId: string | undefined;
  readonly tokenId: string | undefined;

  constructor(facts: TokenFacts, permissions: Permissions, origin: AccessOrigin) {
    this.#origin = origin;
    this.#permissions = permissions;
    this.#status = facts.status;
    this.#expiresAtSeconds = facts.expiresAtSeconds;
    this.subject = facts.subject;
    this.clientId = facts.clientId;
    this.consentId = facts.consentId;
    this.tokenId = facts.tokenId;
    Object.freeze(this);
  }

  static originOf(holder: object): AccessOrigin | undefined {
    return #origin in holder ? holder.#origin : undefined;
  }

  static statusOf(access: object): StatusReference | undefined {
    return #status in access ? access.#status : undefined;
  }

  get issuer(): string {
    return this.#origin.issuer;
  }

  get resource(): string {
    return this.#origin.resource;
  }

  get expiresAt(): Date {
    return new Date(this.#expiresAtSeconds * 1000);
  }

  get scopes(): readonly string[] {
    return this.#permissions.scopes;
  }

  get tools(): readonly string[] {
    return this.#permissions.tools;
  }

  get allowsResources(): boolean {
    return this.#permissions.parsed.resources;
  }

  get allowsPrompts(): boolean {
    return this.#permissions.parsed.prompts;
  }

  get allowsCatalogue(): boolean {
    return this.#permissions.parsed.catalogue;
  }

  get allows(): (name: string) => boolean {
    return this.#permissions.allows;
  }

  expandedScopes(): string[] {
    return [...this.#permissions.expandedScopes];
  }
}

/** What a caller without a token may do: nothing. */
export function noAccess(): Access {
  return NO_ACCESS;
}

const NO_ACCESS = createAccess(
  {
    subject: '',
    clientId: '',
    consentId: undefined,
    tokenId: undefined,
    scope: '',
    selection: undefined,
    expiresAtSeconds: 0,
    status: undefined,
  },
  new Permissions(''),
  { issuer: '', resource: '' },
);
