import type { EventEmitter } from 'node:events';

/** What is measured: a server process that speaks OAuth. */
export interface Contender {
  name: 'Toolgrant' | 'bare engine';
  /** Where it listens; it is also its issuer. */
  origin: string;
  processId: number;
  /** Makes authorization codes of different people for a client, as if each had just pressed Allow. */
  makeCodes(request: CodeRequest, count: number): Promise<string[]>;
  stop(): Promise<void>;
}

/** For whom codes are made. */
export interface CodeRequest {
  clientId: string;
  redirectUri: string;
  codeChallenge: string;
}

/** The resource that all tokens of the bench are for. */
export const resource = 'https://tracker.example/mcp';

/** The tools that each person of the bench has allowed; with them an access token has the size of a usual one. */
export const allowedTools: readonly string[] = [
  'list_issues',
  'get_issue',
  'search_issues',
  'list_comments',
  'list_labels',
  'list_people',
  'create_issue',
  'add_comment',
  'assign_issue',
  'set_status',
];

/** Settles when a child process ended, for whatever reason. */
export function ended(child: EventEmitter & { exitCode: number | null; signalCode: string | null }): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}
