import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { z } from 'zod';
import { nearestName } from '../domain/nearest-name.ts';
import type { ConfigProblem } from './config-error.ts';
import type { Environment } from './environment.ts';
import type { Setting } from './setting.ts';
import { type SettingKey, settings } from './settings.ts';

type Table = typeof settings;
type ValueOf<Key extends SettingKey> = z.output<Table[Key]['schema']>;
type KeyWithDefault = { [Key in SettingKey]: Table[Key] extends { default: string } ? Key : never }[SettingKey];

/** Every setting's value; those without a default are absent when not set. */
export type SettingValues = { [Key in KeyWithDefault]: ValueOf<Key> } & { [Key in Exclude<SettingKey, KeyWithDefault>]?: ValueOf<Key> };

/** What an environment says, each setting by itself. `values` lacks whatever `problems` is about. */
export interface ReadSettings {
  values: Partial<SettingValues>;
  problems: ConfigProblem[];
}

const entries = Object.entries(settings) as [SettingKey, Setting][];

/** Reads every setting, and names every `TOOLGRANT_…` variable that is none. Paths of secret files start at `directory`. */
export function readSettings(env: Environment, directory: string): ReadSettings {
  const problems: ConfigProblem[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, setting] of entries) {
    const text = readText(env, setting, directory);
    if (typeof text === 'object') problems.push(text);
    else if (text !== undefined) {
      const parsed = setting.schema.safeParse(text);
      if (parsed.success) values[key] = parsed.data;
      else problems.push(wrongForm(setting, text, parsed.error.issues[0]?.message ?? 'is wrong'));
    }
  }
  return { values: values as Partial<SettingValues>, problems: [...problems, ...unknownNames(env)] };
}

function readText(env: Environment, setting: Setting, directory: string): string | undefined | ConfigProblem {
  const { name } = setting;
  const text = env[name];
  if (!setting.secret) return text === undefined || text.trim() === '' ? setting.default : text.trim();
  const file = env[`${name}_FILE`];
  // An empty secret is a failed substitution; passing over it could mean another database, or a new key.
  if (text !== undefined && file !== undefined)
    return { setting: name, problem: `is given twice, also as ${name}_FILE`, fix: 'Remove one of the two.' };
  if (file !== undefined) return readSecretFile(setting, resolve(directory, file));
  if (text?.trim() === '') return { setting: name, problem: 'is set and empty', fix: `Remove it, or set it to ${plain(setting.form)}.` };
  return text?.trim();
}

function readSecretFile({ name, form }: Setting, path: string): string | ConfigProblem {
  const setting = `${name}_FILE`;
  try {
    const text = readFileSync(path, 'utf8').trim();
    return text === '' ? { setting, problem: `names an empty file, ${path}`, fix: `Write ${plain(form)} into it.` } : text;
  } catch (error) {
    return {
      setting,
      problem: `names a file that cannot be read, ${path} (${(error as NodeJS.ErrnoException).code})`,
      fix: 'Correct the path, or let this process read it.',
    };
  }
}

function wrongForm(setting: Setting, text: string, problem: string): ConfigProblem {
  // Kubernetes sets variables for every Service: one called "toolgrant" yields TOOLGRANT_PORT=tcp://10.0.0.1:4000.
  if (setting.name === 'TOOLGRANT_PORT' && /^(tcp|udp):\/\//.test(text))
    return {
      setting: setting.name,
      problem: 'was set by Kubernetes for a Service called "toolgrant"',
      fix: 'Set it yourself, or set enableServiceLinks: false.',
    };
  const shown = setting.secret ? '' : ` (${JSON.stringify(withoutUser(text))})`;
  return { setting: setting.name, problem: `${problem}${shown}`, fix: `Set it to ${plain(setting.form)}.` };
}

/** What stands before an `@` in a URL is most often a password, in a place where none belongs. */
function withoutUser(text: string): string {
  return text.replace(/(:\/\/)[^/?#]*@/g, '$1…@');
}

const serviceLink = /^TOOLGRANT_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)$/;

function unknownNames(env: Environment): ConfigProblem[] {
  const known = entries.flatMap(([, { name, secret }]) => (secret ? [name, `${name}_FILE`] : [name]));
  const unknown = Object.keys(env).filter((name) => name.startsWith('TOOLGRANT_') && !known.includes(name) && !serviceLink.test(name));
  return unknown.map((name) => {
    if (known.includes(name.replace(/_FILE$/, '')))
      return { setting: name, problem: 'is unknown: only secrets can be given as files', fix: `Set ${name.replace(/_FILE$/, '')} itself.` };
    const meant = nearestName(name, known);
    return {
      setting: name,
      problem: 'is unknown',
      fix: meant ? `Did you mean ${meant}?` : 'Remove it, or look it up in docs/configuration.md.',
    };
  });
}

function plain(form: string): string {
  return form.replaceAll('`', '');
}
