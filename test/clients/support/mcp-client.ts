import type { CallbackListener } from './callback-listener.ts';
import type { RecordedTraffic } from './recorded-traffic.ts';

/** What a tool call came to, for a test to look at. */
export interface ToolOutcome {
  readonly isError: boolean;
  readonly text: string;
}

/**
 * A real MCP client with its own OAuth code, on a person's computer. Where the person is needed, calls throw the SDK's
 * `UnauthorizedError` and `takeAuthorizationUrl` says where to send her.
 */
export interface TestMcpClient {
  readonly callback: CallbackListener;
  readonly traffic: RecordedTraffic;
  /** Connects; after `finish` again. Credentials stay. */
  connect(): Promise<void>;
  /** The revision of MCP that client and server agreed on. */
  protocolVersion(): string | undefined;
  /** Names of the tools, sorted. */
  listTools(): Promise<string[]>;
  callTool(name: string, args?: Record<string, unknown>): Promise<ToolOutcome>;
  /** The authorization URL that the SDK wants opened. */
  takeAuthorizationUrl(): URL;
  /** Waits for the answer at the callback, checks its `state`, and hands it to the SDK. Resolves with what came. */
  finish(): Promise<URLSearchParams>;
  /** As registered. */
  clientId(): string | undefined;
  tokens(): { access_token: string; refresh_token?: string; scope?: string } | undefined;
  close(): Promise<void>;
}

/** The text parts of a tool result. */
export function outcomeOf(result: unknown): ToolOutcome {
  const { content, isError } = result as { content?: { type: string; text?: string }[]; isError?: boolean };
  return { isError: isError === true, text: (content ?? []).map((part) => part.text ?? '').join('\n') };
}
