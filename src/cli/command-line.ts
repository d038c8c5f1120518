/**
 * The command line: parses, calls a service, prints what it answers. It decides nothing. Exit codes: 0 done, 1 failed, 2 bad usage.
 * `main.ts` calls it.
 */
import { Command, CommanderError } from 'commander';
import { addClientCommands } from './commands/client.ts';
import { addConfigCommands } from './commands/config.ts';
import { addConsentCommands } from './commands/consent.ts';
import { addKeysCommands } from './commands/keys.ts';
import { addMigrateCommand } from './commands/migrate.ts';
import { addServeCommand } from './commands/serve.ts';
import { addServerCommands } from './commands/server.ts';
import { addUserCommands } from './commands/user.ts';
import { explainFailure } from './explain-failure.ts';
import type { Io } from './io.ts';
import { productVersion } from './product-version.ts';
import { printProblem } from './report.ts';

/** Runs one command; returns the exit code. */
export async function runCommandLine(args: readonly string[], io: Io): Promise<number> {
  const json = args.includes('--json');
  const program = createProgram(io, { json });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return exitCodeOf(io, error, { json });
    const { exitCode, ...problem } = explainFailure(error);
    printProblem(io, problem, { json });
    return exitCode;
  }
}

function createProgram(io: Io, { json }: { json: boolean }): Command {
  const program = new Command('toolgrant')
    .description('Toolgrant: people let agents use chosen tools of MCP servers, for a chosen time.')
    .version(productVersion())
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: io.out,
      // What commander has to say about a wrong call is said once, in the form that was asked for.
      writeErr: json ? () => undefined : io.err,
      outputError: (text, write) => write(text.replace(/^error: (.)/, (_, first: string) => first.toUpperCase())),
    })
    .showHelpAfterError('Add --help to see what can be given.');
  for (const add of [
    addServeCommand,
    addMigrateCommand,
    addConfigCommands,
    addUserCommands,
    addServerCommands,
    addClientCommands,
    addConsentCommands,
    addKeysCommands,
  ]) {
    add(program, io);
  }
  return program;
}

/** Commander's own ways out: help and version that were asked for, everything else is bad usage. */
function exitCodeOf(io: Io, error: CommanderError, { json }: { json: boolean }): number {
  if (error.exitCode === 0) return 0;
  const message = error.code === 'commander.help' ? 'Name a command; --help lists them.' : error.message.replace(/^error: /, '');
  if (json) printProblem(io, { code: 'usage', message }, { json });
  return 2;
}
