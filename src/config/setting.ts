import type { z } from 'zod';

/** The headings of the configuration reference, in order. */
export const settingGroups = [
  'Where it runs',
  'Database and data folder',
  'Keys and secrets',
  'Lifetimes',
  'Sign-in',
  'Protocol',
  'Operations',
  'Demo',
] as const;

/** One heading of the configuration reference. */
export type SettingGroup = (typeof settingGroups)[number];

/** All that is known about one setting; the reference, `.env.example` and the checks are made of it. */
export interface Setting<Schema extends z.ZodType<unknown, string> = z.ZodType<unknown, string>> {
  /** The environment variable. */
  name: string;
  group: SettingGroup;
  /** Plain sentences for the reference, in Markdown without line breaks. */
  description: string;
  /** Reads the text into a typed value; its message says what is wrong, without the value when `secret`. */
  schema: Schema;
  /** What the text must be, in a few words, for the reference and for fixes. */
  form: string;
  /** The text that is read when the variable is not set. */
  default?: string;
  /** What happens without it, where there is no `default`. */
  absent?: string;
  /** Never printed; may also be given as `<name>_FILE`, a path to a file that holds it. */
  secret?: true;
  /** A value that passes, for the reference and `.env.example`. */
  example: string;
}
