import type { Command } from 'commander';
import type { Secrets } from '../../config/config.ts';
import type { DescribedSetting } from '../../config/describe-settings.ts';
import type { Io } from '../io.ts';
import { group, leaf, loadSettings, reporting } from '../leaf.ts';
import { plainText, table } from '../plain-text.ts';
import { serveOptions } from './serve.ts';

/** The settings. */
export function addConfigCommands(program: Command, io: Io): void {
  const config = group(program, 'config', 'the settings');
  leaf(config, 'check', 'say whether the settings can be used, and what they come to; connects to nothing')
    .option('--demo', 'as "serve --demo" would')
    .option('--workers <n>', 'as "serve --workers" would')
    .action(
      reporting(io, async ({ options }) => {
        const [{ machineClock }, { describeSettings }] = await Promise.all([
          import('../../compose/machine-clock.ts'),
          import('../../config/describe-settings.ts'),
        ]);
        const { config: settings, secrets, env } = await loadSettings(io, { ...serveOptions(options), now: machineClock.now() });
        return {
          json: { ok: true, config: settings, secrets: Object.fromEntries(secretsOf(secrets)) },
          text: `The settings can be used.\n\n${tabulate(describeSettings(env, { config: settings }))}`,
        };
      }),
    );
}

/** Secrets are told by whether they are there. */
function secretsOf(secrets: Secrets): [string, 'set' | 'not set'][] {
  const names = [
    'databaseUrl',
    'migrationDatabaseUrl',
    'keyEncryptionKey',
    'previousKeyEncryptionKey',
    'metricsToken',
    'auditWebhook',
    'traceHeaders',
  ] as const;
  return names.map((name) => [name, secrets[name] ? 'set' : 'not set']);
}

function tabulate(described: readonly DescribedSetting[]): string {
  return table(
    ['SETTING', 'VALUE', ''],
    described.map(({ name, value, isGiven }) => [name, plainText(value), isGiven || value === 'not set' ? '' : 'default']),
  );
}
