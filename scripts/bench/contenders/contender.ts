import type { EventEmitter } from 'node:events';

/** What is measured: a server process that speaks OAuth. */
export interface Contender {
  name: 'Toolgrant' | 'bare engine';
  /** Where it listens; it is also its issuer. */
  origin: string;
  processId: number;
  /** Its processes share the load; more than one listens on the same port. */
  workers: number;
  /** Makes authorization codes of different people for a client, as if each had just pressed Allow. */
  makeCodes(request: CodeRequest, count: number): Promise<string[]>;
  /** Makes access tokens and somebody who may ask about them. */
  makeQuestions(request: CodeRequest, count: number, redeem: (code: string) => Promise<string>): Promise<Questions>;
  /** Makes machine clients that may use all tools of the bench; returns the headers by which they prove who they are. */
  makeMachines(count: number): Promise<string[]>;
  /** Makes people who sign in with a password; absent where there are none. */
  makeSignIns?(count: number): Promise<SignInRequest[]>;
  /** Makes people on their way to a token for a server with a hundred tools; absent where there are none. */
  makePageVisitors?(count: number): Promise<PageVisitor[]>;
  stop(): Promise<void>;
}

/** What is asked of introspection. */
export interface Questions {
  /** The header of who asks. */
  authorization: string;
  tokens: string[];
}

/** What a browser sends when a person signs in. */
export interface SignInRequest {
  path: string;
  cookie: string;
  body: string;
}

/** Somebody with an account, and the resource that her agent asks for. */
export interface PageVisitor {
  email: string;
  password: string;
  resource: string;
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
