import type { Command } from 'commander';
import type { Logger, LogOutput } from '../../compose/process-log.ts';
import type { RunningIssuer } from '../../compose/start-issuer.ts';
import type { Config, LoadOptions } from '../../config/config.ts';
import type { Environment } from '../../config/environment.ts';
import type { Io } from '../io.ts';
import { type Call, leaf, loadSettings } from '../leaf.ts';
import { lineTo, plainJson } from '../plain-text.ts';
import { listenForStop } from '../stop-signals.ts';
import { type Welcome, welcomeText } from '../welcome.ts';

/** The issuer. */
export function addServeCommand(program: Command, io: Io): void {
  leaf(program, 'serve', 'run the issuer until it is told to stop')
    .option('--demo', 'with a demo MCP server and a sample account; on this machine only')
    .option('--workers <n>', 'processes that serve: a number, or "auto" for one on each core (default: TOOLGRANT_WORKERS, 1)')
    .action(async (...all) => {
      const command = all.at(-1) as Command;
      await serve(io, { args: command.args, options: command.opts() });
    });
}

/** Runs until a signal comes; then lets requests under way finish, and ends everything. */
async function serve(io: Io, { options }: Call): Promise<void> {
  const { machineClock } = await import('../../compose/machine-clock.ts');
  const { config, secrets, env } = await loadSettings(io, { ...serveOptions(options), now: machineClock.now() });
  // The database goes with the process (it asks for a fast shutdown on its way out), so this leaves nothing behind.
  const stop = listenForStop(process, () => process.exit(130));
  let noteFault = (_: Error): void => undefined;
  try {
    const tell = (text: string) => (io.isTerminal && options['json'] !== true ? io.err(text) : undefined);
    tell('Starting …\n');
    const [{ startIssuer }, { boundHeap }, { log, output }] = await Promise.all([
      import('../../compose/start-issuer.ts'),
      import('../../compose/bound-heap.ts'),
      createLog(io, { env, level: config.logLevel }),
    ]);
    boundHeap();
    noteFault = (error) => log.fatal({ error }, 'the process ends by a fault');
    process.on('uncaughtExceptionMonitor', noteFault);
    const issuer = await startIssuer({ config, secrets, log, output, stopRequested: stop.requested });
    try {
      if (!stop.isRequested()) await welcome(io, issuer, options);
      await stop.requested;
      log.info('stopping');
      tell('Stopping …\n');
    } finally {
      await issuer.stop();
    }
    log.info('stopped');
  } finally {
    stop.release();
    process.off('uncaughtExceptionMonitor', noteFault);
  }
}

/** What the command line adds to the settings. */
export function serveOptions(options: Call['options']): Pick<LoadOptions, 'demo' | 'workers'> {
  const workers = options['workers'] as string | undefined;
  return { demo: options['demo'] === true, ...(workers !== undefined && { workers }) };
}

/** A person gets warnings in short lines; a machine, or whoever asked for a level, gets JSON. Workers write JSON in any case. */
async function createLog(
  io: Io,
  { env, level }: { env: Environment; level: Config['logLevel'] },
): Promise<{ log: Logger; output: LogOutput }> {
  const { createJsonLog, createTerminalLog, shortLines } = await import('../../compose/process-log.ts');
  if (!io.isTerminal || env['TOOLGRANT_LOG_LEVEL'] !== undefined)
    return { log: createJsonLog(level), output: { log: io.out, error: io.err } };
  const write = lineTo(io);
  return { log: createTerminalLog(write), output: { log: (lines) => shortLines(lines).forEach(write), error: io.err } };
}

/**
 * Says what is to be said. The first administrator's link goes to a terminal; elsewhere what is printed ends in logs. The demo
 * runs on this machine only, with an account that everybody knows: there it is printed in any case.
 */
async function welcome(io: Io, issuer: RunningIssuer, options: Call['options']): Promise<void> {
  const { demo } = issuer;
  const isSeen = io.isTerminal || io.isErrTerminal || demo !== undefined;
  const firstAdminLink = isSeen ? await issuer.issueFirstAdminLink() : undefined;
  const lacksAdmin = !isSeen && !(await issuer.hasAdmin());
  const facts: Welcome = {
    issuer: issuer.issuer,
    lacksAdmin,
    ...(demo && { demo: { resource: demo.resource, account: demo.account } }),
    ...(firstAdminLink && { firstAdminLink }),
  };
  if (options['json'] === true) io.out(`${plainJson({ event: 'ready', ...facts }).replaceAll(/\n\s*/g, ' ')}\n`);
  else if (io.isTerminal) io.out(welcomeText(facts));
  else io.err(welcomeText(facts));
}
