import type { Command } from 'commander';
import type { Logger } from '../../compose/process-log.ts';
import type { RunningIssuer } from '../../compose/start-issuer.ts';
import type { Config } from '../../config/config.ts';
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
    .action(async (...all) => {
      const command = all.at(-1) as Command;
      await serve(io, { args: command.args, options: command.opts() });
    });
}

/** Runs until a signal comes; then lets requests under way finish, and ends everything. */
async function serve(io: Io, { options }: Call): Promise<void> {
  const { config, secrets, env } = await loadSettings(io, { demo: options['demo'] === true });
  // The database goes with the process (it asks for a fast shutdown on its way out), so this leaves nothing behind.
  const stop = listenForStop(process, () => process.exit(130));
  let noteFault = (_: Error): void => undefined;
  try {
    const tell = (text: string) => (io.isTerminal && options['json'] !== true ? io.err(text) : undefined);
    tell('Starting …\n');
    const [{ startIssuer }, log] = await Promise.all([
      import('../../compose/start-issuer.ts'),
      createLog(io, { env, level: config.logLevel }),
    ]);
    noteFault = (error) => log.fatal({ error }, 'the process ends by a fault');
    process.on('uncaughtExceptionMonitor', noteFault);
    const issuer = await startIssuer({ config, secrets, log });
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

/** A person gets warnings in short lines; a machine, or whoever asked for a level, gets JSON. */
async function createLog(io: Io, { env, level }: { env: Environment; level: Config['logLevel'] }): Promise<Logger> {
  const { createJsonLog, createTerminalLog } = await import('../../compose/process-log.ts');
  return io.isTerminal && env['TOOLGRANT_LOG_LEVEL'] === undefined ? createTerminalLog(lineTo(io)) : createJsonLog(level);
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
