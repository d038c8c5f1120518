import { destination as openDestination, pino } from 'pino';
import { redact, redactText } from './redaction.ts';

/** One line of JSON per event: `log.info({ clientId }, 'client registered')`. Secrets are taken out (see `redaction.ts`). */
export type Logger = pino.Logger;

/** From the most talkative to none. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** Where and how much is logged. */
export interface LoggerOptions {
  level: LogLevel;
  /** Receives whole lines. Default: standard output, see `openStandardOutput`. */
  destination?: { write(line: string): void };
}

/** Members that hold no secret by construction: they are written as they are, without the search for secrets. Strangers' texts are none. */
export class PlainMembers<Members extends object = object> {
  readonly members: Members;

  constructor(members: Members) {
    this.members = members;
  }
}

/** Makes the process's logger; parts of the program take a `child` with their own members. */
export function createLogger(options: LoggerOptions): Logger {
  const out = options.destination ?? openStandardOutput();
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: 'message',
      errorKey: 'error',
      serializers: { error: (plain) => plain, err: (plain) => plain }, // made plain by the formatter
      formatters: {
        level: (label) => ({ level: label }),
        log: plainMembers,
      },
      hooks: {
        logMethod(args, method) {
          const [members, ...texts] = args as [unknown, ...unknown[]];
          if (members instanceof PlainMembers) {
            method.apply(this, args);
            return;
          }
          const error = members instanceof Error ? members : (members as { error?: unknown } | undefined)?.error;
          // pino would take an error's message for a missing one, as it is.
          if (texts.length === 0 && error instanceof Error) texts.push(error.message);
          const clean = [typeof members === 'string' ? redactText(members) : members, ...texts.map((text) => redact(text))];
          method.apply(this, clean as unknown as Parameters<typeof method>);
        },
      },
    },
    { write: (line: string) => out.write(escapeInvisible(line)) },
  );
  // pino writes a child's own members into every line as they are; children inherit this from the logger.
  const createChild = logger.child;
  logger.child = function child(this: Logger, members: pino.Bindings, ...more: unknown[]) {
    return Reflect.apply(createChild, this, [redact(members), ...more]);
  } as typeof logger.child;
  return logger;
}

/** The same log, whose lines say in addition which trace they belong to, where they belong to one. */
export function withTraceIds(log: Logger, traceId: () => string | undefined): Logger {
  const named = (members: object): Record<string, unknown> => {
    const id = traceId();
    return { ...plainMembers(members), ...(id !== undefined && { traceId: id }) };
  };
  return log.child({}, { formatters: { log: named } });
}

function plainMembers(members: object): Record<string, unknown> {
  return (members instanceof PlainMembers ? members.members : redact(members)) as Record<string, unknown>;
}

/** How long a line of no urgency may wait to be written together with others, in milliseconds; and how many bytes may wait. */
const bufferedMs = 50;
const bufferedBytes = 8_192;

/**
 * Standard output. Lines about requests are written together, because a write per line is a fifth of what a small answer costs;
 * a warning or worse is written at once with all that wait, and so is what waits when the process ends. A process that is
 * killed outright loses at most the last 50 ms of them: the audit trail is in the database.
 */
function openStandardOutput(): { write(line: string): void } {
  const out = openDestination({ dest: 1, sync: true, minLength: bufferedBytes });
  // When nobody reads any more (EPIPE), lines are lost. That is no reason to fail, least of all on the way out.
  out.on('error', () => undefined);
  let waiting: NodeJS.Timeout | undefined;
  const flush = (write: () => void) => {
    clearTimeout(waiting);
    waiting = undefined;
    try {
      write();
    } catch {
      // as above
    }
  };
  // What is urgent is also synced to the disk. The rest is not: where the log is a file, that takes longer than all else about it.
  const flushUrgent = () => flush(() => out.flushSync());
  const flushWaiting = () => flush(() => out.flush());
  process.on('exit', flushUrgent);
  return {
    write: (line) => {
      out.write(line);
      if (isUrgent(line)) flushUrgent();
      else waiting ??= setTimeout(flushWaiting, bufferedMs).unref();
    },
  };
}

/** Lines begin with their level. */
function isUrgent(line: string): boolean {
  return !/^\{"level":"(?:info|debug|trace)"/.test(line);
}

/**
 * Logs a fault: something that is wrong with us, not with a request. The answer to the request carries the same id and no detail.
 * @param fault whatever was thrown; its causes are logged with it
 */
export function logFault(log: Logger, fault: unknown, context: { message: string; requestId?: string }): void {
  const { message, requestId } = context;
  log.error({ ...(requestId !== undefined && { requestId }), error: fault instanceof Error ? fault : new Error(String(fault)) }, message);
}

/**
 * JSON escapes line breaks and ESC, and leaves other characters that steer a terminal or a viewer: DEL and the C1 controls,
 * direction marks, line separators, zero-width ones. In JSON they may only stand inside texts, so escaping them changes no meaning.
 */
function escapeInvisible(line: string): string {
  return line.replace(
    /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
