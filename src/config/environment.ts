import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { ConfigError } from './config-error.ts';

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The variables of this process over those of `.env` in `directory` (default: the working directory).
 * The one place that reads `process.env`; throws `ConfigError` when `.env` exists and cannot be read.
 */
export function readEnvironment(directory: string = process.cwd()): Environment {
  return { ...readEnvFile(resolve(directory, '.env')), ...process.env };
}

function readEnvFile(path: string): Environment {
  try {
    return parseEnv(readFileSync(path, 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return {};
    const problem = { setting: '.env', problem: `cannot be read, ${path} (${code})`, fix: 'Let this process read it, or move it away.' };
    throw new ConfigError([problem], { cause: error });
  }
}
