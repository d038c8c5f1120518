import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ConfigError } from '../../../src/config/config-error.ts';
import { readEnvironment } from '../../../src/config/environment.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'environment-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

describe('the environment', () => {
  it('is that of the process, when there is no .env', () => {
    expect(readEnvironment(directory)).toEqual({ ...process.env });
  });

  it('is completed by .env, and wins over it', () => {
    writeFileSync(join(directory, '.env'), '# a comment\nTOOLGRANT_PORT=5000\nTOOLGRANT_NOTE="a # b" # c\nexport PATH=/nowhere\n');
    const env = readEnvironment(directory);
    expect(env).toMatchObject({ TOOLGRANT_PORT: '5000', TOOLGRANT_NOTE: 'a # b' });
    expect(env['PATH']).toBe(process.env['PATH']);
  });

  it('says so when .env cannot be read', () => {
    mkdirSync(join(directory, '.env'));
    expect(() => readEnvironment(directory)).toThrow(ConfigError);
  });
});
