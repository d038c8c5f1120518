import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { join } from 'node:path';
import { chooseAccount, type DatabaseAccount, systemPath } from './account.ts';
import { locateBinaries, type PostgresBinaries, programIn } from './binaries.ts';
import { EmbeddedDatabaseFailed, useYourOwn } from './failure.ts';
import { chooseHome, makeReachable } from './places.ts';

/** PostgreSQL as it can be run here: programs, account, and the folder its files live in. */
export interface PostgresInstallation {
  /** Holds the cluster; the data folder, or a place outside it when the account cannot reach that. */
  home: string;
  account: DatabaseAccount;
  /** Of the programs, e.g. 18. */
  majorVersion: number;
  /** Starts one of the programs, with an environment that holds nothing of ours. */
  spawn(program: string, args: readonly string[], stdio: StdioOptions): ChildProcess;
  /** Runs one of the programs to its end; throws with what it said when it fails. */
  run(program: string, args: readonly string[], input?: string): Promise<string>;
}

/**
 * Finds out how PostgreSQL can run for this data folder (an absolute path).
 * @param notice is told when files go elsewhere than the data folder
 */
export async function prepareInstallation(dataFolder: string, notice: (text: string) => void): Promise<PostgresInstallation> {
  const account = chooseAccount();
  const installed = await locateBinaries(join(dataFolder, 'database-libraries'));
  const binaries = account.kind === 'other' ? await makeReachable(installed, { account, notice }) : installed;
  const home = await chooseHome(dataFolder, { account, notice });
  const start: PostgresInstallation['spawn'] = (program, args, stdio) => {
    const command = [...(account.kind === 'namespace' ? account.prefix : []), programIn(binaries, program), ...args];
    return spawn(command[0] as string, command.slice(1), {
      stdio,
      env: environment(binaries),
      cwd: process.platform === 'win32' ? undefined : '/',
      // Ctrl-C in a terminal reaches the whole foreground group; the database is stopped by us, after the drain.
      detached: process.platform !== 'win32',
      windowsHide: true,
      ...(account.kind === 'other' && { uid: account.uid, gid: account.gid }),
    });
  };
  const run: PostgresInstallation['run'] = (program, args, input = '') => runToEnd(start(program, args, 'pipe'), program, input);
  return { home, account, spawn: start, run, majorVersion: await readMajorVersion(run) };
}

function environment(binaries: PostgresBinaries): NodeJS.ProcessEnv {
  // A library that is found through a link looks for others beside the link, so their own folder is named too.
  const path = binaries.libraryFolder && `${binaries.libraryFolder}:${join(binaries.root, 'lib')}`;
  const libraries = path && { LD_LIBRARY_PATH: path, DYLD_LIBRARY_PATH: path };
  // Windows adds what its programs need by itself (libuv).
  return { ...(process.platform !== 'win32' && { PATH: systemPath }), LC_ALL: 'C', TZ: 'UTC', ...libraries };
}

async function readMajorVersion(run: PostgresInstallation['run']): Promise<number> {
  try {
    return Number(/\d+/.exec(await run('postgres', ['--version']))?.[0]);
  } catch (cause) {
    throw new EmbeddedDatabaseFailed(`The embedded PostgreSQL does not run on this system: ${(cause as Error).message} ${useYourOwn}`, {
      cause,
    });
  }
}

function runToEnd(child: ChildProcess, program: string, input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    const collect = (chunk: Buffer) => {
      output += chunk;
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    child.stdin?.on('error', () => undefined); // it ended before reading all; its exit code tells
    child.stdin?.end(input);
    child.on('error', (cause) => reject(new EmbeddedDatabaseFailed(`${program} cannot be started: ${cause.message}.`, { cause })));
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new EmbeddedDatabaseFailed(`${program} failed (${signal ?? `exit code ${code}`}): ${lastLines(output)}`));
    });
  });
}

/** The end of what a program said, in one line. */
export function lastLines(output: string): string {
  return output.trim().split('\n').slice(-8).join(' | ') || 'it said nothing.';
}
