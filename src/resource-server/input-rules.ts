import type { Access } from './access.ts';

/**
 * What makes a check of a tool's `inputSchema`: an Ajv, a validator of the MCP SDKs (`AjvJsonSchemaValidator`,
 * `CfWorkerJsonSchemaValidator`), or anything with such a method. It must know JSON Schema 2020-12, and is never asked
 * to fetch. What it makes answers `true`, or an object whose `valid` is `true`, for arguments that are good.
 */
export type SchemaValidator =
  | { compile(schema: Record<string, unknown>): (value: Record<string, unknown>) => unknown }
  | { getValidator(schema: Record<string, unknown>): (value: Record<string, unknown>) => unknown };

/** A tool as `tools/list` shows it. */
export interface ListedTool {
  readonly name: string;
  /** JSON Schema, an object. */
  readonly inputSchema?: unknown;
}

/** The tools of a server, or how to get those that it has for a caller. */
export type ToolSource = readonly ListedTool[] | ((access: Access) => readonly ListedTool[] | Promise<readonly ListedTool[]>);

/** How the `arguments` of tool calls are checked before anything runs; see the README, "Input checking". */
export interface InputRules {
  readonly validator: SchemaValidator;
  /**
   * The tools with their schemas, as `tools/list` gives them. A door needs them; `protectTools` asks the server for its
   * own list at each call where they are left out.
   */
  readonly tools?: ToolSource;
  /** The most values, members and items at all depths, that arguments may hold. Default 10000. */
  readonly maxValues?: number;
  /** How deep arguments may be nested. Default 64. */
  readonly maxDepth?: number;
  /** How long a check that waits for something may take. Default 1000. Code that does not wait cannot be interrupted. */
  readonly timeoutMs?: number;
  /** Told why a call could not be checked, for your log: a schema that does not compile, a validator that throws. */
  readonly onError?: (error: Error) => void;
}
