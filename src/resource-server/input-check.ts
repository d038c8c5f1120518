import type { Access } from './access.ts';
import { ambientLater } from './ambient.ts';
import { compileSchema } from './compiled-schema.ts';
import { findOutOfBounds } from './input-bounds.ts';
import { type InputFault, readVerdict } from './input-fault.ts';
import type { InputRules, ListedTool, SchemaValidator, ToolSource } from './input-rules.ts';
import { isJsonObject, ownText, ownValue } from './json-rpc.ts';

/** Why a call does not run. */
export type InputProblem =
  /** Its arguments are not what the schema asks for, which a model can mend. */
  | { readonly kind: 'fault'; readonly fault: InputFault }
  | { readonly kind: 'not-an-object' }
  | { readonly kind: 'unknown-tool'; readonly name: string }
  /** Nobody can say whether they are: the server's own trouble. */
  | { readonly kind: 'unchecked'; readonly text: string };

/** Finds the tool of this name that a caller is shown; undefined where there is none. */
export type FindTool = (name: string) => ListedTool | undefined | Promise<ListedTool | undefined>;

/** Checks the arguments of one `tools/call`; undefined when it may run. Never rejects: what fails lets nothing through. */
export type CheckInput = (message: unknown, findTool: FindTool) => Promise<InputProblem | undefined>;

const DEFAULT_MAX_VALUES = 10_000;
const DEFAULT_MAX_DEPTH = 64;
const DEFAULT_TIMEOUT_MS = 1000;

/** Makes a {@link CheckInput}. Throws TypeError for options that cannot be right. */
export function createInputCheck(rules: InputRules): CheckInput {
  const { validator, maxValues = DEFAULT_MAX_VALUES, maxDepth = DEFAULT_MAX_DEPTH, timeoutMs = DEFAULT_TIMEOUT_MS } = rules;
  refuseBadValidator(validator);

  async function check(message: unknown, findTool: FindTool): Promise<InputProblem | undefined> {
    const params = ownValue(message, 'params');
    const name = ownText(params, 'name') ?? '';
    const given = ownValue(params, 'arguments');
    if (given !== undefined && !isJsonObject(given)) return { kind: 'not-an-object' };
    const value = given ?? {};
    const unbounded = findOutOfBounds(value, { maxValues, maxDepth });
    if (unbounded !== undefined) return { kind: 'fault', fault: unbounded };

    // Each step has its own words: whoever runs the server learns from the answer where to look.
    const tool = await attempt('the server’s tools could not be listed', name, () => findTool(name));
    if (tool === undefined) return { kind: 'unknown-tool', name };
    const { schema, check: run } = await attempt('its inputSchema cannot be used', name, () => compileSchema(validator, tool.inputSchema));
    const fault = await attempt('the check failed', name, () => {
      const answer = run(value);
      // Ajv leaves them at its function, where the next call overwrites them.
      const { errors } = run;
      const read = (settled: unknown) => readVerdict({ answer: settled, errors }, { value, schema });
      return isPromise(answer) ? answer.then(read) : read(answer);
    });
    return fault === undefined ? undefined : { kind: 'fault', fault };
  }

  /** What `run` says, within the time; else an {@link Unchecked}. */
  async function attempt<T>(what: string, name: string, run: () => T | PromiseLike<T>): Promise<T> {
    try {
      const value = run();
      return isPromise(value) ? await within(timeoutMs, value) : value;
    } catch (cause) {
      const text = `The arguments of ${JSON.stringify(name)} cannot be checked, because ${what}.`;
      rules.onError?.(new Error(text, { cause }));
      throw new Unchecked(text, { cause });
    }
  }

  return async (message, findTool) => {
    try {
      return await check(message, findTool);
    } catch (error) {
      return { kind: 'unchecked', text: error instanceof Unchecked ? error.message : 'The arguments cannot be checked.' };
    }
  };
}

/** The tools of a source, as a caller is shown them; asked for once. */
export function findToolIn(tools: ToolSource, access: Access): FindTool {
  if (typeof tools !== 'function') return (name) => tools.find((tool) => tool.name === name);
  let listed: Promise<readonly ListedTool[]> | undefined;
  return async (name) => {
    listed ??= Promise.resolve(tools(access));
    return (await listed).find((tool) => tool.name === name);
  };
}

class Unchecked extends Error {}

function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

function within<T>(timeoutMs: number, promise: PromiseLike<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    promise.then(resolve, reject);
    ambientLater(timeoutMs, () => reject(new Error(`There was no answer within ${timeoutMs} ms.`)));
  });
}

function refuseBadValidator(validator: SchemaValidator): void {
  const { compile, getValidator } = (validator ?? {}) as { compile?: unknown; getValidator?: unknown };
  if (typeof compile === 'function' || typeof getValidator === 'function') return;
  throw new TypeError('`inputs.validator` must be an Ajv, a validator of the MCP SDK, or another object with `compile(schema)`.');
}
