import { pointerOf, stepsOfFragment } from './json-pointer.ts';
import { ownText, ownValue } from './json-rpc.ts';

/** Where arguments are not as they should be, and what was asked for there. Nothing of their values is in it. */
export interface InputFault {
  /** The names and indexes that lead there, of the arguments themselves or of what their schema misses. */
  readonly path: readonly string[];
  /** For people and models; of the schema, or our own words. */
  readonly rule: string | undefined;
}

/** What a validator is known by: what it answered, and the errors that Ajv leaves at its function. */
export interface Verdict {
  readonly answer: unknown;
  readonly errors: unknown;
}

/** What the fault is looked up in. */
export interface FaultContext {
  readonly value: unknown;
  readonly schema: unknown;
}

/**
 * Reads what a validator says of arguments: undefined when they are good. Throws TypeError for what is no answer, so
 * that a mistake in a validator lets nothing through.
 *
 * Validators' own words are not passed on, since some repeat the value that they refuse; a path is walked in the
 * arguments, and a rule read from the schema.
 */
export function readVerdict({ answer, errors }: Verdict, context: FaultContext): InputFault | undefined {
  if (answer === true) return undefined;
  if (answer === false) return faultOf(errors, context);
  const isValid = ownValue(answer, 'valid');
  if (isValid === true) return undefined;
  if (isValid !== false) throw new TypeError('The validator answered neither true nor false.');
  const text = ownText(answer, 'errorMessage');
  return text === undefined ? faultOf(ownValue(answer, 'errors'), context) : faultInText(text, context);
}

/** The first of a list of errors, in the form of Ajv or of JSON Schema's own output. */
function faultOf(errors: unknown, { value, schema }: FaultContext): InputFault {
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  const located = ownText(first, 'instancePath') ?? ownText(first, 'instanceLocation') ?? '';
  const params = ownValue(first, 'params');
  const named = MEMBERS_OF_PARAMS.map((member) => ownText(params, member)).find((name) => name !== undefined);
  const path = walk(located, value);
  return {
    path: named === undefined ? path : [...path, named],
    rule: ruleAt(ownText(first, 'schemaPath') ?? ownText(first, 'keywordLocation'), schema),
  };
}

/** Where Ajv says which member is missing, or is one too many. */
const MEMBERS_OF_PARAMS = ['missingProperty', 'additionalProperty', 'unevaluatedProperty', 'propertyName'] as const;

/**
 * The SDKs' validators say in one text what is wrong: `data/issue/id must be integer, …` (Ajv), or one
 * `#/issue/id: …` after the other from the outermost inwards.
 */
function faultInText(text: string, { value }: FaultContext): InputFault {
  if (text.startsWith('#')) {
    const [first = [], ...others] = text.split(/; (?=#)/).map((one) => walk(one.slice(1), value));
    let path = first;
    for (const other of others) if (isBelow(other, path)) path = other;
    return { path, rule: undefined };
  }
  const path = walk(text.replace(/^data/, ''), value);
  const missing = /^data\S* must have required property '([^']*)'/.exec(text)?.[1];
  return { path: missing === undefined ? path : [...path, missing], rule: undefined };
}

function isBelow(path: readonly string[], above: readonly string[]): boolean {
  return path.length > above.length && above.every((step, index) => step === path[index]);
}

/** The steps of the pointer that `text` begins with, as far as they lead through `value`. */
function walk(text: string, value: unknown): string[] {
  const path: string[] = [];
  let rest = text;
  let at = value;
  while (typeof at === 'object' && at !== null) {
    const step = stepInto(at, rest);
    if (step === undefined) break;
    path.push(step.name);
    rest = rest.slice(step.length);
    at = (at as Record<string, unknown>)[step.name];
  }
  return path;
}

/** A name may hold whatever ends a pointer in a text: so the longest is taken of those that are there. */
function stepInto(holder: object, text: string): { name: string; length: number } | undefined {
  let step: { name: string; length: number } | undefined;
  for (const name of Object.keys(holder)) {
    const plain = pointerOf([name]);
    for (const spelled of [plain, encodeURI(plain.replaceAll(/\p{Cs}/gu, '\uFFFD'))]) {
      const isHere = text.startsWith(spelled) && /^(?:$|[/ :,])/.test(text.slice(spelled.length));
      if (isHere && spelled.length > (step?.length ?? 0)) step = { name, length: spelled.length };
    }
  }
  return step;
}

/** The rule of a schema that a fragment leads to, such as `"minimum":1`. */
function ruleAt(fragment: string | undefined, schema: unknown): string | undefined {
  const steps = fragment === undefined ? undefined : stepsOfFragment(fragment);
  const keyword = steps?.at(-1);
  if (steps === undefined || keyword === undefined) return undefined;
  let at = schema;
  for (const step of steps) at = Array.isArray(at) ? at[Number(step)] : ownValue(at, step);
  if (at === undefined) return undefined;
  const rule = `${JSON.stringify(keyword)}:${JSON.stringify(at)}`;
  return `its inputSchema says ${rule.length <= MAX_RULE_CHARACTERS ? rule : JSON.stringify(keyword)}`;
}

const MAX_RULE_CHARACTERS = 200;
