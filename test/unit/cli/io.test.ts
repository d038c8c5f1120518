import { Writable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { processIo } from '../../../src/cli/io.ts';

/** A process whose output takes two writes, and then fails with this code. */
function processThatFails(code: string) {
  let writes = 0;
  const write = (_chunk: unknown, _encoding: unknown, done: (error?: Error) => void) => {
    writes += 1;
    done(writes > 2 ? Object.assign(new Error(code), { code }) : undefined);
  };
  const stdout = Object.assign(new Writable({ write }), { isTTY: false });
  const { stdin, stderr } = process;
  return { stdin, stderr, stdout } as unknown as Parameters<typeof processIo>[0];
}

describe('the output of a process', () => {
  it('that nobody reads any more ends work, and is no fault', async () => {
    const io = processIo(processThatFails('EPIPE'));
    const read: unknown[] = [];
    for (let write = 0; write < 4; write += 1) {
      io.out('line\n');
      read.push(await io.drained?.());
    }
    expect(read).toEqual([true, true, false, false]);
  });

  it('that the disk has no room for is a fault, of the last write too', async () => {
    const failing = processThatFails('ENOSPC');
    const io = processIo(failing);
    const heard: unknown[] = [];
    // Node ends the process by what a listener throws; here it is caught.
    const [listener] = failing.stdout.listeners('error') as ((error: Error) => void)[];
    failing.stdout.removeAllListeners('error').on('error', (error: Error) => {
      try {
        listener?.(error);
      } catch (thrown) {
        heard.push(thrown);
      }
    });
    for (let write = 0; write < 2; write += 1) io.out('line\n');
    expect(await io.drained?.()).toBe(true);
    io.out('the last\n');
    await expect(io.drained?.()).rejects.toMatchObject({ code: 'ENOSPC' });
    await new Promise(setImmediate);
    expect(heard).toMatchObject([{ code: 'ENOSPC' }]);
  });
});
