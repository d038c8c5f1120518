import type { Environment } from './environment.ts';
import type { LoadedConfig } from './load-config.ts';
import type { Setting } from './setting.ts';
import { type SettingKey, settings } from './settings.ts';

/** One setting as an operator knows it: the variable, what it comes to, and whether the environment has it. */
export interface DescribedSetting {
  name: string;
  value: string;
  isGiven: boolean;
}

/**
 * Every setting of an environment that `loadConfig` accepted, by the names in the configuration reference. A secret is told by
 * whether it is there; what others give its default (issuer, port) by what it came to.
 */
export function describeSettings(env: Environment, { config }: Pick<LoadedConfig, 'config'>): DescribedSetting[] {
  const cameTo: Partial<Record<SettingKey, string>> = {
    issuer: config.issuer,
    port: String(config.listen.port),
    dataDir: config.dataDir,
  };
  return (Object.entries(settings) as [SettingKey, Setting][]).map(([key, { name, secret, absent, default: standard }]) => {
    const text = env[name]?.trim() ?? '';
    if (secret) {
      const isGiven = text !== '' || env[`${name}_FILE`] !== undefined;
      return { name, value: isGiven ? 'set' : 'not set', isGiven };
    }
    if (text !== '') return { name, value: cameTo[key] ?? text, isGiven: true };
    return { name, value: cameTo[key] ?? plain(standard ?? absent ?? 'not set'), isGiven: false };
  });
}

function plain(markdown: string): string {
  return markdown.replaceAll('`', '');
}
