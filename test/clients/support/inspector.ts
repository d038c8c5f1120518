import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { findFreePort } from '../../support/free-port.ts';

const program = resolve(import.meta.dirname, '../../../node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js');

/** The MCP Inspector's own web server, running. */
export interface Inspector {
  /** Where its web client is. */
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Starts the Inspector for one MCP server, on loopback and in a home of its own: no keychain, no browser opened, nothing kept
 * outside the folder.
 */
export async function startInspector({ serverUrl, folder }: { serverUrl: string; folder: string }): Promise<Inspector> {
  const port = await findFreePort();
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    HOST: '127.0.0.1',
    CLIENT_PORT: String(port),
    MCP_SANDBOX_PORT: String(await findFreePort()),
    MCP_STORAGE_DIR: join(folder, 'inspector'),
    MCP_AUTO_OPEN_ENABLED: 'false',
  };
  const args = [program, '--web', '--transport', 'http', '--server-url', serverUrl];
  const child = spawn(process.execPath, args, { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const url = await readUrl(child);
  return {
    url,
    async stop() {
      child.kill('SIGTERM');
      const ended = once(child, 'exit');
      const giveUp = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await ended;
      clearTimeout(giveUp);
    },
  };
}

/** The address with its token, as it is printed once the server listens. */
function readUrl(child: ChildProcess): Promise<string> {
  return new Promise((done, failed) => {
    let output = '';
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      const url = /https?:\/\/\S+\?MCP_INSPECTOR_API_TOKEN=\w+/.exec(output)?.[0];
      if (url) done(url);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('error', failed);
    child.once('exit', (code) => failed(new Error(`the Inspector ended with ${code}:\n${output}`)));
  });
}
