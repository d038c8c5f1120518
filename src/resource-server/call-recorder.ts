import { type Access, type AccessSource, sourceOf, statusOf } from './access.ts';
import { ambientId } from './ambient.ts';
import { createArgumentDigest, type DigestArguments } from './argument-digest.ts';
import { type ArgumentPolicy, createArgumentKeeper, type KeepArguments } from './argument-policy.ts';
import type { CallReport } from './call-report.ts';
import { ownText, ownValue } from './json-rpc.ts';
import { ReportQueue, type ReportStats } from './report-queue.ts';
import type { SendReports } from './send-reports.ts';

/** How calls are reported; see the README, "Reports". */
export interface ReportOptions extends ArgumentPolicy {
  /** The most reports that wait for the issuer. Default 10000. */
  readonly maxQueued?: number;
}

/** The reports of one server's calls. Without a server credential there are none, and all of this does nothing. */
export interface Reports {
  stats(): ReportStats;
  /** Sends what waits. Resolves when it is delivered or an attempt has failed; for runtimes that end with a request. */
  flush(): Promise<void>;
  /** The same for the last time, before a process ends. */
  close(): Promise<void>;
}

/** What is known of a call beside its message. */
export interface CallContext {
  readonly access: Access;
  readonly requestId?: string | undefined;
  readonly traceId?: string | undefined;
}

/** How a call ended. */
export interface CallEnd extends Pick<CallReport, 'error' | 'unseen' | 'resultBytes'> {
  readonly outcome: 'success' | 'failure';
}

/** One call that was let through. */
export interface OpenCall {
  /** Records durably that it is about to run; false when that cannot be had. */
  announce(): Promise<boolean>;
  /** Reports how it ended. Only the first time counts. */
  end(end: CallEnd): void;
}

/** What doors and hooks report calls with. */
export interface CallRecorder {
  /** Calls wait until it is recorded that they are about to run. */
  readonly isBeforeCall: boolean;
  readonly reports: Reports;
  /** A tool call begins. */
  begin(message: unknown, context: CallContext): OpenCall;
  /** A tool call was not allowed, and did not run; `error` says why, where it was not for lack of permission. */
  refuse(message: unknown, context: CallContext, error?: string): void;
}

/** What a recorder works with. */
export interface CallRecorderOptions extends ReportOptions {
  readonly secret: string;
  readonly send: SendReports;
  readonly isBeforeCall: boolean;
  readonly now: () => Date;
}

/** A longer name is no tool's; a refused call may name anything. */
const MAX_NAME_CHARACTERS = 256;

/** Makes a {@link CallRecorder}. Throws TypeError for redaction paths that it does not understand. */
export function createCallRecorder(options: CallRecorderOptions): CallRecorder {
  const { secret, send, now, isBeforeCall, maxQueued = 10_000 } = options;
  const queue = new ReportQueue({ send, now, maxQueued });
  const describe = createDescription(createArgumentDigest(secret), createArgumentKeeper(options));

  return {
    isBeforeCall,
    reports: { stats: () => queue.stats(), flush: () => queue.flush(), close: () => queue.close() },

    begin(message, context) {
      const facts = { ...describe(message, context), at: now() };
      let begunBy: string | undefined;
      let isOver = false;
      return {
        async announce() {
          begunBy = newId();
          return queue.deliver({ ...facts, id: begunBy, outcome: 'begun' });
        },
        end(end) {
          if (isOver) return;
          isOver = true;
          const durationMs = Math.max(0, now().getTime() - facts.at.getTime());
          queue.add({ ...facts, ...end, id: newId(), begunBy, durationMs });
        },
      };
    },

    refuse(message, context, error) {
      queue.add({ ...describe(message, context), at: now(), id: newId(), outcome: 'denied', error });
    },
  };
}

function newId(): string {
  return `rpt_${ambientId()}`;
}

/** What is said of a call however it ends. Read at once: a handler may change the arguments that it was given. */
function createDescription(digest: DigestArguments, keep: KeepArguments) {
  return (message: unknown, { access, requestId, traceId }: CallContext) => {
    const params = ownValue(message, 'params');
    const given = ownValue(params, 'arguments') ?? {};
    const tool = (ownText(params, 'name') ?? '').slice(0, MAX_NAME_CHARACTERS).replaceAll(/\0|\p{Cs}/gu, '\uFFFD');
    return {
      subject: access.subject,
      client: access.clientId,
      consent: access.consentId,
      status: statusOf(access),
      tool,
      argumentBytes: byteLength(given),
      argumentDigest: digest(given).catch(() => undefined),
      arguments: keep(tool, given),
      requestId,
      traceId,
    };
  };
}

/** The size of a value as JSON; 0 for one that cannot be written. */
function byteLength(value: unknown): number {
  try {
    return new TextEncoder().encode(JSON.stringify(value)).byteLength;
  } catch {
    return 0;
  }
}

const recorders = new WeakMap<object, CallRecorder>();

/** Lets whoever has `holder` (the reports of a verifier, or the source of its accesses) find the recorder. */
export function bindRecorder(holder: AccessSource | Reports, recorder: CallRecorder): void {
  recorders.set(holder, recorder);
}

/** The recorder of a verifier's reports or of an access; undefined where nothing is reported. */
export function recorderOf(holder: Access | Reports): CallRecorder | undefined {
  return recorders.get(sourceOf(holder) ?? holder);
}

/** The reports of a verifier that makes none. */
export const noReports: Reports = {
  stats: () => ({ queued: 0, delivered: 0, dropped: 0, refused: 0, problem: undefined }),
  flush: async () => undefined,
  close: async () => undefined,
};
