/** A JSON object that came from somewhere else. */
export type JsonObject = Record<string, unknown>;

/** The code with which JSON-RPC errors about permission are answered. */
export const NOT_ALLOWED_ERROR_CODE = -32003;

/** Whether a value is a JSON object, neither null nor an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A property of the object itself; what stands on prototypes is never read. */
export function ownValue(object: unknown, key: string): unknown {
  return isJsonObject(object) && Object.hasOwn(object, key) ? object[key] : undefined;
}

/** The same, when it is a string. */
export function ownText(object: unknown, key: string): string | undefined {
  const value = ownValue(object, key);
  return typeof value === 'string' ? value : undefined;
}

/** A message's `method`; responses have none. */
export function methodOf(message: unknown): string | undefined {
  return ownText(message, 'method');
}

/** A message's `id` when it may be echoed, else null: a notification, or something malformed. */
export function echoableId(message: unknown): string | number | null {
  const id = ownValue(message, 'id');
  return typeof id === 'string' || typeof id === 'number' ? id : null;
}

/** Whether a message wants an answer. */
export function isRequest(message: unknown): boolean {
  return methodOf(message) !== undefined && echoableId(message) !== null;
}

/** The messages of a body: one, or the members of a batch. */
export function messagesOf(body: unknown): readonly unknown[] {
  return Array.isArray(body) ? body : [body];
}

/** A JSON-RPC error response. */
export function jsonRpcError(
  id: string | number | null,
  error: { readonly code: number; readonly message: string; readonly data?: unknown },
): JsonObject {
  return { jsonrpc: '2.0', id, error };
}
