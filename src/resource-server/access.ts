import { Permissions } from './permissions.ts';
import type { StatusReference, TokenFacts } from './token-facts.ts';

/**
 * What one good token allows at this server. Immutable, and shared by all requests with that token. To be read member by member: a copy
 * of it (`{ ...access }`, JSON) is empty, so that no log tells of people and tokens.
 */
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
export interface AccessSource {
  readonly issuer: string;
  readonly resource: string;
}

/** Says what a token allows: what its scope permits, to whom, and until when. */
export function createAccess(facts: TokenFacts, permissions: Permissions, source: AccessSource): Access {
  return new TokenAccess(facts, permissions, source);
}

/** The source of an access that {@link createAccess} made; undefined for anything else. */
export function sourceOf(holder: unknown): AccessSource | undefined {
  return TokenAccess.sourceOf(holder);
}

/** Where the token's revocation bit stands; undefined when it has none, and for what {@link createAccess} did not make. */
export function statusOf(access: unknown): StatusReference | undefined {
  return TokenAccess.statusOf(access);
}

/**
 * Thousands of them are kept: what is the token's own stands here, all else is shared. It has no members of its own that are seen,
 * so that whoever logs it writes down neither people nor ids of tokens.
 */
class TokenAccess implements Access {
  readonly #source: AccessSource;
  readonly #permissions: Permissions;
  readonly #subject: string;
  readonly #clientId: string;
  readonly #consentId: string | undefined;
  readonly #tokenId: string | undefined;
  readonly #expiresAtSeconds: number;
  readonly #status: StatusReference | undefined;

  constructor(facts: TokenFacts, permissions: Permissions, source: AccessSource) {
    this.#source = source;
    this.#permissions = permissions;
    this.#subject = facts.subject;
    this.#clientId = facts.clientId;
    this.#consentId = facts.consentId;
    this.#tokenId = facts.tokenId;
    this.#expiresAtSeconds = facts.expiresAtSeconds;
    this.#status = facts.status;
    Object.freeze(this);
  }

  static sourceOf(holder: unknown): AccessSource | undefined {
    return isObject(holder) && #source in holder ? holder.#source : undefined;
  }

  static statusOf(access: unknown): StatusReference | undefined {
    return isObject(access) && #status in access ? access.#status : undefined;
  }

  get issuer(): string {
    return this.#source.issuer;
  }

  get resource(): string {
    return this.#source.resource;
  }

  get subject(): string {
    return this.#subject;
  }

  get clientId(): string {
    return this.#clientId;
  }

  get consentId(): string | undefined {
    return this.#consentId;
  }

  get tokenId(): string | undefined {
    return this.#tokenId;
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

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
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
