import { once } from 'node:events';
import type { ReadStream } from 'node:tty';
import type { Environment } from '../config/environment.ts';

/** What the command line touches of its process; tests hand in their own. */
export interface Io {
  /** Results. */
  out(text: string): void;
  /** Settles when what was written has been taken: false when nobody reads any more. Default: at once. */
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
  let isRead = true;
  // `… | head` has seen enough: that is no fault.
  of.stdout.on('error', () => {
    isRead = false;
  });
  return {
    out: (text) => void of.stdout.write(text),
    drained: async () => {
      if (isRead && of.stdout.writableNeedDrain) await once(of.stdout, 'drain').catch(() => undefined);
      return isRead;
    },
    err: (text) => void of.stderr.write(text),
    stdin: of.stdin,
    isTerminal: of.stdout.isTTY === true,
    isErrTerminal: of.stderr.isTTY === true,
  };
}
