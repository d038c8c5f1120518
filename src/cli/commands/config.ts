import type { Command } from 'commander';
import type { Config, Secrets } from '../../config/config.ts';
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
        const { machineClock } = await import('../../compose/machine-clock.ts');
        const { config: settings, secrets } = await loadSettings(io, { ...serveOptions(options), now: machineClock.now() });
        return {
          json: { ok: true, config: settings, secrets: Object.fromEntries(secretsOf(secrets)) },
          text: `The settings can be used.\n\n${describe(settings, secrets)}`,
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
    'traceHeaders',
  ] as const;
  return names.map((name) => [name, secrets[name] ? 'set' : 'not set']);
}

function describe(config: Config, secrets: Secrets): string {
  const rows = [...leavesOf(config), ...secretsOf(secrets)];
  return table(
    ['SETTING', 'VALUE'],
    rows.map(([name, value]) => [name, plainText(value)]),
  );
}

/** `a.b` for `{ a: { b: … } }`. */
function leavesOf(value: object, prefix = ''): [string, string][] {
  return Object.entries(value).flatMap(([name, part]): [string, string][] => {
    if (Array.isArray(part)) return [[`${prefix}${name}`, part.length > 0 ? part.join(', ') : 'none']];
    return typeof part === 'object' && part !== null ? leavesOf(part, `${prefix}${name}.`) : [[`${prefix}${name}`, String(part)]];
  });
}
