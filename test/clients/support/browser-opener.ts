import { chmod, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** What a program on the person's computer takes for her browser. */
export interface BrowserOpener {
  /** The value of `BROWSER`. */
  readonly command: string;
  /** The next address that a program wanted opened and nobody has taken yet. */
  next(): Promise<URL>;
  /** How many addresses wait to be taken. */
  waiting(): number;
  close(): Promise<void>;
}

/** Makes an opener in a folder, which must exist; it hands every address over to the test instead of opening it. */
export async function createBrowserOpener(folder: string): Promise<BrowserOpener> {
  const opened: URL[] = [];
  const takers: ((url: URL) => void)[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    response.end();
    const url = new URL(Buffer.concat(chunks).toString());
    const taker = takers.shift();
    if (taker) taker(url);
    else opened.push(url);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const command = join(folder, 'open-for-the-test.mjs');
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  await writeFile(command, `#!${process.execPath}\nawait fetch('${address}', { method: 'POST', body: process.argv[2] });\n`);
  await chmod(command, 0o700);
  return {
    command,
    next() {
      const url = opened.shift();
      return url ? Promise.resolve(url) : new Promise((resolve) => takers.push(resolve));
    },
    waiting: () => opened.length,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
