import { BadUsage, CommandFailed } from './failure.ts';
import type { Io } from './io.ts';

/** The longest line that is read; passwords are bounded far below. */
const maxBytes = 64 * 1024;

/** Reads a password from standard input: all of it, without the line break at its end. */
export async function readPassword(io: Io): Promise<string> {
  if (io.stdin.isTTY) throw new BadUsage('--password-stdin reads from a pipe: printf %s "$PASSWORD" | toolgrant user create …');
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of io.stdin) {
    chunks.push(Buffer.from(chunk));
    bytes += chunk.length;
    if (bytes > maxBytes) throw new CommandFailed('password-too-long', 'What came on standard input is too long for a password.');
  }
  const password = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (password === '') throw new CommandFailed('password-empty', 'No password came on standard input.');
  return password;
}

/** Whether a person is there to be asked. */
export function canAsk(io: Io): boolean {
  return io.stdin.isTTY === true && io.isErrTerminal;
}

/** Asks for a new password, twice, without showing it; empty when the person left it empty. */
export async function askNewPassword(io: Io): Promise<string> {
  const password = await askHidden(io, 'Password (empty: send an invitation instead): ');
  if (password === '') return '';
  if ((await askHidden(io, 'The same again: ')) !== password)
    throw new CommandFailed('password-mismatch', 'The two are not the same. Nothing was done.');
  return password;
}

/** One line, typed unseen. Ctrl-C gives up. */
function askHidden(io: Io, question: string): Promise<string> {
  const { stdin } = io;
  io.err(question);
  stdin.setEncoding('utf8'); // a character may come in two pieces
  stdin.setRawMode?.(true);
  stdin.resume();
  return new Promise((resolve, reject) => {
    let typed: string[] = [];
    const finish = (end: () => void) => {
      stdin.off('data', read);
      stdin.setRawMode?.(false);
      stdin.pause();
      io.err('\n');
      end();
    };
    const read = (chunk: Buffer | string) => {
      if (chunk.toString().startsWith('\u001b')) return; // an arrow or function key is no part of a password
      for (const character of chunk.toString()) {
        if (character === '\r' || character === '\n' || character === '\u0004') return finish(() => resolve(typed.join('')));
        if (character === '\u0003') return finish(() => reject(new CommandFailed('given-up', 'Given up. Nothing was done.')));
        if (character === '\u007f' || character === '\b') typed = typed.slice(0, -1);
        else if (character === '\u0015') typed = [];
        else if (character >= ' ') typed.push(character);
      }
    };
    stdin.on('data', read);
  });
}
