/**
 * The command line: parses, calls a service, prints what it answers. It decides nothing. Exit codes: 0 done, 1 failed, 2 bad usage.
 * `main.ts` calls it.
 */
import { CommanderError } from 'commander';
import { explainFailure } from './explain-failure.ts';
import { FailureReported } from './failure.ts';
import type { Io } from './io.ts';
import { createProgram } from './program.ts';
import { printProblem, printReport } from './report.ts';

/** Runs one command; returns the exit code. */
export async function runCommandLine(args: readonly string[], io: Io): Promise<number> {
  const json = args.includes('--json');
  const program = createProgram(io, { json });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return exitCodeOf(io, error, { json });
    if (error instanceof FailureReported) {
      printReport(io, error.report, { json });
      return 1;
    }
    const { exitCode, ...problem } = explainFailure(error);
    printProblem(io, problem, { json });
    return exitCode;
  }
}

/** Commander's own ways out: help and version that were asked for, everything else is bad usage. */
function exitCodeOf(io: Io, error: CommanderError, { json }: { json: boolean }): number {
  if (error.exitCode === 0) return 0;
  const message = error.code === 'commander.help' ? 'Name a command; --help lists them.' : error.message.replace(/^error: /, '');
  if (json) printProblem(io, { code: 'usage', message }, { json });
  return 2;
}
