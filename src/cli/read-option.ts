import type { z } from 'zod';
import { BadUsage } from './failure.ts';
import { plainText } from './plain-text.ts';

/** The value of an option by one of the forms of settings. Throws `BadUsage`. */
export function readOption<Value>(options: Readonly<Record<string, unknown>>, name: string, form: z.ZodType<Value, string>): Value {
  const text = String(options[name]);
  const read = form.safeParse(text);
  if (read.success) return read.data;
  throw new BadUsage(`--${name} ${read.error.issues[0]?.message ?? 'is wrong'}: ${plainText(text.slice(0, 40))}`);
}
