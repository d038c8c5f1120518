import { Command } from 'commander';
import { productVersion } from '../compose/open-metrics.ts';
import { addApiKeyCommands } from './commands/apikey.ts';
import { addApplyCommands } from './commands/apply.ts';
import { addAuditCommands } from './commands/audit.ts';
import { addClientCommands } from './commands/client.ts';
import { addConfigCommands } from './commands/config.ts';
import { addConsentCommands } from './commands/consent.ts';
import { addExplainCommand } from './commands/explain.ts';
import { addGroupCommands } from './commands/group.ts';
import { addKeysCommands } from './commands/keys.ts';
import { addMigrateCommand } from './commands/migrate.ts';
import { addRegistrationTokenCommands } from './commands/registration-token.ts';
import { addServeCommand } from './commands/serve.ts';
import { addServerCommands } from './commands/server.ts';
import { addServiceAccountCommands } from './commands/service-account.ts';
import { addTenantCommands } from './commands/tenant.ts';
import { addUserCommands } from './commands/user.ts';
import type { Io } from './io.ts';

/** All commands there are. With `json`, what commander says about a wrong call is left to the caller. */
export function createProgram(io: Io, { json }: { json: boolean }): Command {
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
    addGroupCommands,
    addServerCommands,
    addClientCommands,
    addRegistrationTokenCommands,
    addServiceAccountCommands,
    addApiKeyCommands,
    addConsentCommands,
    addKeysCommands,
    addAuditCommands,
    addTenantCommands,
    addApplyCommands,
    addExplainCommand,
  ]) {
    add(program, io);
  }
  return program;
}
