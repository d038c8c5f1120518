import { isJsonObject } from './json-rpc.ts';

/** Which arguments are reported as they are, and what of them is not. */
export interface ArgumentPolicy {
  /** Whose arguments are reported: no tool's (default), every tool's, or those of the tools named. */
  readonly arguments?: 'never' | 'always' | readonly string[];
  /**
   * What is replaced by `"[redacted]"`: paths such as `$.password`, `$.users[*].email`, `$..token`, `$['odd name']`.
   * Members whose names look like secrets are replaced whether they are named here or not.
   */
  readonly redact?: readonly string[];
}

/** What of a call's arguments is reported; undefined: nothing. Never longer than {@link MAX_KEPT_BYTES} as JSON. */
export type KeepArguments = (tool: string, value: unknown) => unknown;

/** Longer arguments are not reported; their size and digest are. */
export const MAX_KEPT_BYTES = 4096;

/** The issuer's bound on the nesting of a whole report leaves this much. */
const MAX_KEPT_DEPTH = 8;

const REDACTED = '[redacted]';

/** Makes the policy's function. Throws TypeError for a path that it does not understand: a slip must not publish a secret. */
export function createArgumentKeeper(policy: ArgumentPolicy): KeepArguments {
  const { arguments: whose = 'never', redact = [] } = policy;
  const paths = redact.map(parsePath);
  const isKept = (tool: string): boolean => whose === 'always' || (Array.isArray(whose) && whose.includes(tool));
  return (tool, value) => {
    if (!isKept(tool)) return undefined;
    const kept = redactValue(value, paths, MAX_KEPT_DEPTH);
    if (kept === TOO_DEEP) return undefined;
    const text = JSON.stringify(kept);
    return text !== undefined && new TextEncoder().encode(text).byteLength <= MAX_KEPT_BYTES ? kept : undefined;
  };
}

/** One step of a path: to a member or an item (`*`: to all), or, `isDeep`, to those of that name at any depth. */
interface Step {
  readonly name: string;
  readonly isDeep: boolean;
}

const STEP = /(\.\.?)(\*|[A-Za-z_$][\w$-]*)|\[(\*|\d+)\]|\['([^']*)'\]/y;

function parsePath(path: string): readonly Step[] {
  const steps: Step[] = [];
  STEP.lastIndex = 1;
  while (path.startsWith('$') && STEP.lastIndex < path.length) {
    const match = STEP.exec(path);
    if (match === null) break;
    const [, dots, member, item, quoted] = match;
    steps.push({ name: member ?? item ?? quoted ?? '', isDeep: dots === '..' });
    if (STEP.lastIndex === path.length) return steps;
  }
  throw new TypeError(`\`redact\`: ${JSON.stringify(path)} is no path such as "$.password", "$.users[*].email" or "$..token".`);
}

const SECRET_NAME = /passw|passphrase|secret|token|credential|authori[sz]ation|cookie|api[-_]?key|private[-_]?key|^pin$|^otp$/i;

const TOO_DEEP = Symbol('too deep');

/** A copy in which what the paths lead to is replaced, and nothing is left that a database takes for no text. */
function redactValue(value: unknown, paths: readonly (readonly Step[])[], depth: number): unknown {
  if (typeof value === 'string') return value.replaceAll(/\0|\p{Cs}/gu, '\uFFFD');
  if (typeof value !== 'object' || value === null) return value;
  if (depth === 0) return TOO_DEEP;
  const copies: [string, unknown][] = [];
  for (const [name, item] of Object.entries(value)) {
    const below = paths.flatMap((path) => follow(path, name));
    const isNamed = below.some((path) => path.length === 0) || (!Array.isArray(value) && SECRET_NAME.test(name));
    const copy = isNamed ? REDACTED : redactValue(item, below, depth - 1);
    if (copy === TOO_DEEP) return TOO_DEEP;
    copies.push([redactValue(name, [], 0) as string, copy]);
  }
  return isJsonObject(value) ? Object.fromEntries(copies) : copies.map(([, copy]) => copy);
}

/** What is left of a path below a member; a deep step stays, because it may be met again. */
function follow(path: readonly Step[], name: string): (readonly Step[])[] {
  const [step, ...rest] = path;
  if (step === undefined) return [];
  const isMet = step.name === '*' || step.name === name;
  return [...(isMet ? [rest] : []), ...(step.isDeep ? [path] : [])];
}
