/**
 * The scope grammar: how permission to use tools, resources and prompts is spelled in an OAuth
 * `scope` string. Issuer and resource servers share this one file, so that a scope that one of
 * them writes is read by the other as exactly the same tool.
 *
 * Scopes are relative to the token's `aud`. Aggregates (`tools`, `tools.read`) appear in requests
 * and challenges only: the issuer expands them when it issues a token, and a resource server that
 * finds one in a token lets nothing through because of it.
 */

/** Asks for whatever tools the person allows. What an omitted scope means. */
export const TOOLS_SCOPE = 'tools';

/** Asks for at most the tools that only read. */
export const TOOLS_READ_SCOPE = 'tools.read';

/** In a token: the tools are too many for a header and stand in the document named by the `selection` claim. */
export const TOOLS_LISTED_SCOPE = 'tools.listed';

/** Permission for every `resources/*` method. */
export const RESOURCES_SCOPE = 'resources';

/** Permission for every `prompts/*` method. */
export const PROMPTS_SCOPE = 'prompts';

/**
 * In tokens that an issuer makes for itself: see the whole of `tools/list`, call nothing.
 * An issuer grants it to no client, whatever the client asks for.
 */
export const CATALOGUE_SCOPE = 'catalogue';

/** What stands before a tool's encoded name. */
export const TOOL_SCOPE_PREFIX = 'tool:';

/** What a first challenge and the RFC 9728 document ask for: ceilings that the person fills in. */
export const ADVERTISED_SCOPES: readonly string[] = Object.freeze([TOOLS_SCOPE, RESOURCES_SCOPE, PROMPTS_SCOPE]);

/** A scope string, sorted into what each of its tokens means. */
export interface ParsedScope {
  /** `tools` is present. */
  readonly tools: boolean;
  /** `tools.read` is present. */
  readonly toolsRead: boolean;
  /** `tools.listed` is present. */
  readonly toolsListed: boolean;
  readonly resources: boolean;
  readonly prompts: boolean;
  readonly catalogue: boolean;
  /** Names from `tool:<name>` scopes, decoded, each once, in order of appearance. */
  readonly toolNames: readonly string[];
  /** Every other scope token, malformed `tool:` ones included, each once, in order of appearance. */
  readonly others: readonly string[];
}

/** The tokens of a scope string, each once; stray spaces are tolerated because real clients send them. */
export function splitScope(scope: string): string[] {
  return [...new Set(scope.split(' '))].filter((token) => token !== '');
}

/** Sorts a scope string into its meanings. Never throws: what it does not know lands in `others`. */
export function parseScope(scope: string): ParsedScope {
  const toolNames: string[] = [];
  const others: string[] = [];
  const words = new Set<string>();
  for (const token of new Set(scope.split(' '))) {
    if (token === '') continue;
    const name = toolNameOfScope(token);
    if (name !== undefined) toolNames.push(name);
    else if (WORDS.has(token)) words.add(token);
    else others.push(token);
  }
  return {
    tools: words.has(TOOLS_SCOPE),
    toolsRead: words.has(TOOLS_READ_SCOPE),
    toolsListed: words.has(TOOLS_LISTED_SCOPE),
    resources: words.has(RESOURCES_SCOPE),
    prompts: words.has(PROMPTS_SCOPE),
    catalogue: words.has(CATALOGUE_SCOPE),
    toolNames,
    others,
  };
}

/**
 * The scope for one tool: `tool:` and the name, in which `%` and every character outside the
 * scope alphabet is percent-encoded as UTF-8 with upper-case hex (RFC 6749 §3.3, RFC 3986 §2.1).
 *
 * @throws RangeError when the name is empty or not well-formed Unicode: such a name has no
 * reversible spelling, see {@link isToolName}.
 */
export function formatToolScope(name: string): string {
  if (!isToolName(name)) throw new RangeError('A tool name must be non-empty, well-formed Unicode.');
  return TOOL_SCOPE_PREFIX + name.replace(OUTSIDE_ALPHABET, percentEncode);
}

/**
 * The tool that a scope names, or undefined when it names none. Only the one spelling that
 * {@link formatToolScope} makes is accepted, so no tool has two scopes and no alias passes a
 * comparison of strings.
 */
export function toolNameOfScope(scope: string): string | undefined {
  if (!scope.startsWith(TOOL_SCOPE_PREFIX)) return undefined;
  const encoded = scope.slice(TOOL_SCOPE_PREFIX.length);
  // Names without any escape are their own spelling; nearly all are such names.
  if (PLAIN_NAME.test(encoded)) return encoded;
  const name = percentDecode(encoded);
  if (name === undefined || !isToolName(name)) return undefined;
  return formatToolScope(name) === scope ? name : undefined;
}

/** Whether a tool of this name can be written as a scope. */
export function isToolName(name: string): boolean {
  return name !== '' && !LONE_SURROGATE.test(name);
}

const WORDS: ReadonlySet<string> = new Set([
  TOOLS_SCOPE,
  TOOLS_READ_SCOPE,
  TOOLS_LISTED_SCOPE,
  RESOURCES_SCOPE,
  PROMPTS_SCOPE,
  CATALOGUE_SCOPE,
]);

const LONE_SURROGATE = /\p{Surrogate}/u;

/** Everything but RFC 6749's scope-token characters (%x21 / %x23-5B / %x5D-7E), and `%` itself. */
const OUTSIDE_ALPHABET = /[^\x21\x23\x24\x26-\x5B\x5D-\x7E]/gu;

/** Scope-token characters but `%`, and nothing else. */
const PLAIN_NAME = /^[\x21\x23\x24\x26-\x5B\x5D-\x7E]+$/;

function percentEncode(character: string): string {
  let encoded = '';
  for (const byte of new TextEncoder().encode(character)) {
    encoded += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

function percentDecode(encoded: string): string | undefined {
  if (!encoded.includes('%')) return encoded;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}
