import type { ReadStream } from 'node:tty';
import type { Environment } from '../config/environment.ts';

/** What the command line touches of its process; tests hand in their own. */
export interface Io {
  /** Results. */
  out(text: string): void;
  /** Settles when all that was written has been taken: false when nobody reads any more; throws when it could not be. Default: at once. */
  drained?(): Promise<boolean>;
  /** Problems, questions, progress. */
  err(text: string): void;
  stdin: NodeJS.ReadableStream & Partial<Pick<ReadStream, 'isTTY' | 'setRawMode'>>;
  /** Whether a person reads `out`. */
  isTerminal: boolean;
  /** Whether a person reads `err`. */
  isErrTerminal: boolean;
  /** The settings; read by the commands that need them. Default: environment and `.env`. */
  env?: Environment;
}

/** The io of a process. */
export function processIo(of: Pick<NodeJS.Process, 'stdin' | 'stdout' | 'stderr'>): Io {
  let failure: Error | undefined;
  let written = Promise.resolve();
  // A full disk ends the command as any fault does: what it would have told must not pass for told.
  of.stdout.on('error', (error) => {
    if (!isUnread(error)) throw error;
  });
  return {
    out: (text) => {
      written = new Promise((resolve) =>
        of.stdout.write(text, (error) => {
          failure ??= error ?? undefined;
          resolve();
        }),
      );
    },
    drained: async () => {
      await written;
      if (failure && !isUnread(failure)) throw failure;
      return failure === undefined;
    },
    err: (text) => void of.stderr.write(text),
    stdin: of.stdin,
    isTerminal: of.stdout.isTTY === true,
    isErrTerminal: of.stderr.isTTY === true,
  };
}

/** `… | head` has seen enough: that is no fault. */
function isUnread(error: Error): boolean {
  return (error as { code?: unknown }).code === 'EPIPE';
}
