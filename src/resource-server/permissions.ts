import { BoundedMap } from './bounded-map.ts';
import { formatToolScope, isToolName, type ParsedScope, parseScope, splitScope } from './scope.ts';

/**
 * Scopes are kept worked out up to so many characters together: people's tokens follow one another with the same scope, and many
 * people's are alike. That is some thousands of them, or a few with thousands of tools each.
 */
const MAX_CHARACTERS = 1_000_000;
/** What any of them takes, however short its scope. */
const LEAST_WEIGHT = 200;

/**
 * What a scope permits at a server, worked out once for all tokens that carry it. Immutable. Aggregates (`tools`, `tools.read`)
 * permit nothing here: the issuer expands them when it makes a token, and only the issuer knows what they stand for.
 */
export class Permissions {
  /** As it stands in the token. */
  readonly scope: string;
  /** Where `toolsListed`, more tools are permitted than it names: those of a selection document. */
  readonly parsed: ParsedScope;
  readonly #names: ReadonlySet<string>;
  #bySelection: WeakMap<ReadonlySet<string>, Permissions> | undefined;
  #scopes: readonly string[] | undefined;
  #tools: readonly string[] | undefined;
  #expanded: readonly string[] | undefined;
  /** Whether a tool of exactly this name may be called. Needs no `this`: it is handed around. */
  readonly allows: (name: string) => boolean;

  constructor(scope: string, { parsed = parseScope(scope), selected }: { parsed?: ParsedScope; selected?: ReadonlySet<string> } = {}) {
    this.scope = scope;
    this.parsed = parsed;
    const names = new Set(selected === undefined ? parsed.toolNames : [...parsed.toolNames, ...selected]);
    this.#names = names;
    this.allows = Object.freeze((name: string) => names.has(name));
  }

  /** The scopes as they stand in the token. */
  get scopes(): readonly string[] {
    this.#scopes ??= Object.freeze(splitScope(this.scope));
    return this.#scopes;
  }

  /** Exact names of the tools that may be called. */
  get tools(): readonly string[] {
    this.#tools ??= Object.freeze([...this.#names]);
    return this.#tools;
  }

  /** One scope per permission, every tool spelled out. */
  get expandedScopes(): readonly string[] {
    this.#expanded ??= Object.freeze([...new Set([...this.scopes, ...this.tools.filter(isToolName).map(formatToolScope)])]);
    return this.#expanded;
  }

  /** What the scope permits together with the names of a selection document. */
  withSelected(selected: ReadonlySet<string>): Permissions {
    this.#bySelection ??= new WeakMap();
    const known = this.#bySelection.get(selected);
    if (known !== undefined) return known;
    const permissions = new Permissions(this.scope, { parsed: this.parsed, selected });
    this.#bySelection.set(selected, permissions);
    return permissions;
  }
}

/** Tells what scopes permit, and remembers it. */
export function createPermissionFinder(): (scope: string) => Permissions {
  const kept = new BoundedMap<string, Permissions>({
    maxWeight: MAX_CHARACTERS,
    weigh: ({ scope }) => scope.length + LEAST_WEIGHT,
  });
  return (scope) => {
    const known = kept.get(scope);
    if (known !== undefined) return known;
    const permissions = new Permissions(scope);
    kept.set(scope, permissions);
    return permissions;
  };
}
