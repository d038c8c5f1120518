/** MCP servers as others publish them, unchanged, behind the doors of `docs/examples`, each in two releases of which the second is riskier. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RiskProfile } from '../../src/domain/risk.ts';
import { prepareBrowser } from './browser.ts';
import { findFreePort } from './free-port.ts';

const root = join(import.meta.dirname, '../..');

/** A call of a tool, and what its answer says. */
export interface SampleCall {
  name: string;
  arguments: Record<string, unknown>;
  answer: RegExp;
}

/** A published server. */
export interface PublishedServer {
  /** What people read when they decide. */
  name: string;
  /** Tools that every reader is shown. */
  toolCount: number;
  /** Some of what it says of its tools, and what follows from it. */
  risks: Readonly<Record<string, RiskProfile>>;
  /** Is allowed, and becomes riskier in the second release. */
  allowed: SampleCall;
  /** The call that the second release wants, where it is another one. */
  allowedThen?: SampleCall;
  /** Is not allowed. */
  refused: Omit<SampleCall, 'answer'>;
  /** What a person is told of the riskier tool. */
  difference: readonly string[];
  /** Starts a release behind a door; `folder` is the server's to work in. */
  start(release: 'first' | 'second', door: DoorSettings & { folder: string }): Promise<RunningDoor>;
}

/** What a door is told. */
export interface DoorSettings {
  issuer: string;
  resource: string;
  credential: string;
  /** Default: the example's own half hour. */
  idleSeconds?: number;
}

/** A door with the server behind it. */
export interface RunningDoor {
  stop(): Promise<void>;
}

/** Servers with titles and annotations, with a change of mind about one of them, and with neither titles nor much of a claim. */
export const publishedServers: readonly PublishedServer[] = [
  {
    name: 'Everything',
    toolCount: 19,
    risks: {
      'get-sum': { risk: 'read', openWorld: false },
      'toggle-simulated-logging': { risk: 'write', openWorld: false },
      'trigger-sampling-request': { risk: 'write', openWorld: true },
    },
    allowed: { name: 'get-sum', arguments: { a: 2, b: 3 }, answer: /The sum of 2 and 3 is 5/ },
    refused: { name: 'get-env', arguments: {} },
    difference: ['It was under “Read”, and is under “Delete or overwrite” now.', 'It reaches outside this server now.'],
    // Rolled back to a release that says nothing of its tools.
    start: async (release, door) => {
      const folder = release === 'first' ? '@modelcontextprotocol/server-everything' : 'server-everything-2026-1';
      const port = await findFreePort();
      const server = startNode([join(root, 'node_modules', folder, 'dist/index.js'), 'streamableHttp'], { PORT: String(port) });
      const upstream = `http://localhost:${port}/mcp`;
      await answers(upstream, server);
      const running = await startDoor('forwarding-door.ts', [upstream], door);
      return {
        stop: async () => {
          await running.stop();
          await server.stop();
        },
      };
    },
  },
  {
    name: 'Files',
    toolCount: 14,
    risks: {
      read_text_file: { risk: 'read', openWorld: true },
      move_file: { risk: 'write', openWorld: true },
      write_file: { risk: 'destructive', openWorld: true },
    },
    allowed: { name: 'move_file', arguments: { source: 'a.txt', destination: 'b.txt' }, answer: /Successfully moved/ },
    allowedThen: { name: 'move_file', arguments: { source: 'b.txt', destination: 'c.txt' }, answer: /Successfully moved/ },
    refused: { name: 'write_file', arguments: { path: 'new.txt', content: 'Written.' } },
    difference: ['It was under “Change”, and is under “Delete or overwrite” now.', 'It no longer reaches outside this server.'],
    // The update in which its makers called moving a file destructive.
    start: (release, door) => {
      const folder = release === 'first' ? 'server-filesystem-2026-1' : '@modelcontextprotocol/server-filesystem';
      return startDoor('stdio-door.ts', [process.execPath, join(root, 'node_modules', folder, 'dist/index.js'), door.folder], door);
    },
  },
  {
    name: 'Browser',
    toolCount: 32,
    risks: {
      list_pages: { risk: 'read', openWorld: true },
      click: { risk: 'destructive', openWorld: true },
    },
    allowed: { name: 'take_snapshot', arguments: {}, answer: /RootWebArea/ },
    allowedThen: { name: 'take_snapshot', arguments: { pageId: 1 }, answer: /RootWebArea/ },
    refused: { name: 'navigate_page', arguments: { url: 'http://localhost:9/' } },
    difference: ['It insists on more than it did.', 'pageId'],
    // Its default today makes tools insist on the page that they are for.
    start: async (release, door) => {
      const home = await prepareBrowser();
      const program = join(root, 'node_modules/chrome-devtools-mcp/build/src/bin/chrome-devtools-mcp.js');
      const options = ['--headless', '--isolated', '--executablePath', join(home, 'chromium'), '--no-usage-statistics'];
      const chrome = ['--no-sandbox', '--no-zygote', '--disable-gpu', '--disable-dev-shm-usage'].map((arg) => `--chromeArg=${arg}`);
      const routing = release === 'first' ? ['--no-page-id-routing'] : [];
      return startDoor('stdio-door.ts', [process.execPath, program, ...options, ...chrome, ...routing], door, {
        HOME: join(home, 'home'),
        LD_LIBRARY_PATH: join(home, 'al2023', 'lib'),
        FONTCONFIG_FILE: join(home, 'fonts.conf'),
        CHROME_DEVTOOLS_MCP_NO_UPDATE_CHECKS: '1',
      });
    },
  },
];

/** Starts an example door, as it stands in the documentation, in a process of its own. */
export async function startDoor(
  example: string,
  args: readonly string[],
  { issuer, resource, credential, idleSeconds }: DoorSettings,
  env: Readonly<Record<string, string>> = {},
): Promise<RunningDoor> {
  const door = startNode([join(root, 'docs/examples', example), ...args], {
    ...env,
    DOOR_ISSUER: issuer,
    DOOR_RESOURCE: resource,
    DOOR_CREDENTIAL: credential,
    ...(idleSeconds !== undefined && { DOOR_IDLE_SECONDS: String(idleSeconds) }),
  });
  await answers(resource, door);
  return door;
}

interface NodeProcess extends RunningDoor {
  process: ChildProcess;
  said(): string;
}

function startNode(args: readonly string[], env: Readonly<Record<string, string>>): NodeProcess {
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
  });
  let said = '';
  child.stderr.on('data', (piece) => {
    said += piece;
  });
  // Not `close`: a server behind a door that is gone may hold on to the door's standard error for a while.
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    process: child,
    said: () => said,
    stop: async () => {
      child.kill();
      await ended;
      child.stderr.destroy();
    },
  };
}

/** Waits until anything is answered there, a refusal too. */
async function answers(url: string, { process: child, said }: NodeProcess): Promise<void> {
  for (let tries = 0; tries < 1_000; tries += 1) {
    if (await fetch(url).catch(() => undefined)) return;
    if (child.exitCode !== null) throw new Error(`it ended: ${said()}`);
    await sleep(50);
  }
  throw new Error(`${url} does not answer: ${said()}`);
}
