import { ownText, ownValue } from './json-rpc.ts';

const TRACE_PARENT = /^[\da-f]{2}-([\da-f]{32})-[\da-f]{16}-[\da-f]{2}(?:-|$)/;

/** The trace id in a W3C `traceparent`; undefined when it is none. */
export function traceIdOf(traceparent: string | undefined): string | undefined {
  const id = TRACE_PARENT.exec(traceparent ?? '')?.[1];
  return id === undefined || /^0*$/.test(id) ? undefined : id;
}

/** The trace id that a message carries in its `_meta` (MCP 2026-07-28, "Trace context"). */
export function traceIdOfMessage(message: unknown): string | undefined {
  return traceIdOf(ownText(ownValue(ownValue(message, 'params'), '_meta'), 'traceparent'));
}
