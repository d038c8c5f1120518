import type { Context } from 'koa';
import type { ServerId } from '../domain/ids.ts';
import type { issueAccess } from '../services/issue-access.ts';
import type { PreparedMachineRequest } from '../services/prepare-machine-request.ts';
import type { PreparedTokenRequest, Successor } from '../services/prepare-token-request.ts';

/** What services take to work on a transaction that the caller holds. */
type Database = Parameters<typeof issueAccess>[1];

/** The writes of one request, which commit together or not at all. */
export interface Unit {
  /** Runs a read: on the transaction when it is open, else on the pool. */
  read<T>(work: (db: Database) => Promise<T>): Promise<T>;
  /** Runs a write, or a read that must be of the same transaction as the writes. */
  write<T>(work: (db: Database) => Promise<T>): Promise<T>;
  /** Whether a transaction is under way. */
  readonly isOpen: boolean;
  commit(): Promise<void>;
  /** Undoes the writes and frees their locks. What is written afterwards is a new beginning. */
  rollback(): Promise<void>;
}

/** What leads to the end of an installation while a request is answered. */
export type RevocationReason = 'refresh-reuse' | 'code-replay' | 'revoked-by-client';

/** What our hooks remember about one request between the places where the engine calls them. */
export interface RequestState {
  /** When the whole of a token request had arrived, before it waited for anything of ours. */
  arrivedAt?: Date;
  /** The form of a token request, as it is read; undefined for a body that is left to the engine. */
  form?: Promise<Buffer | undefined>;
  /** Present at the token endpoint. */
  unit?: Unit;
  /** Present while a token request goes the short way: what the engine finds is read already, what it writes is kept for the end. */
  short?: ShortWay;
  /** Present while a machine's request goes the short way. */
  machine?: PreparedMachineRequest;
  /** What the client called its grant. */
  grantType?: string;
  /** Grants whose installations end after this request, even though it fails. */
  revocations: Map<string, RevocationReason>;
  /** The successor of the presented refresh token, when it was handed out already and is handed out once more. */
  successor?: string;
  /** The `scope` that came with a refresh, or from a machine; the engine does not see it. */
  askedScope?: string;
  /** The server that a machine asks for. */
  machineServer?: { id: ServerId; resource: string };
  /** The session that the request came with. */
  sessionId?: string;
  /** That session was ended, or got another id, while this request was answered; this request neither revives nor renames it. */
  isSessionOver?: boolean;
  /** What the engine refused the request for; the last counts. */
  refusal?: { error: string; description?: string };
  /** Proofs (client assertions) that this request used: it may be begun anew, and then they are its own. */
  usedProofs: Set<string>;
  /** What went wrong inside, when something did. */
  fault?: Error;
}

/** A token request on the short way. */
export interface ShortWay {
  /** The code or refresh token that came. */
  presented: string;
  prepared: PreparedTokenRequest;
  /** The engine used what was presented. */
  isConsumed?: boolean;
  /** The refresh token that the engine issued. */
  successor?: Successor;
}

const key = Symbol('toolgrant.engine');

/** The state of a request; the same object for as long as the request lasts. */
export function stateOf(ctx: Pick<Context, 'state'>): RequestState {
  const holder = ctx.state as { [key]?: RequestState };
  holder[key] ??= { revocations: new Map(), usedProofs: new Set() };
  return holder[key];
}
