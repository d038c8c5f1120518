import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { obtainSealingSecrets } from '../../../src/compose/obtain-secrets.ts';
import { StartProblem } from '../../../src/compose/start-problem.ts';
import type { Environment } from '../../../src/config/environment.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { randomToken } from '../../../src/platform/random.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'toolgrant-secret-'));
});

afterEach(() => rm(folder, { recursive: true }));

const obtain = async (env: Environment = {}) => obtainSealingSecrets(loadConfig({ TOOLGRANT_DATA_DIR: folder, ...env }));

describe('the secret of a data folder', () => {
  it('is made once, for the owner of the folder alone, and is the same for all who come at once', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => obtain()));
    const values = new Set(all.map(({ keyEncryptionKey }) => keyEncryptionKey.reveal()));
    expect([...values]).toEqual([expect.stringMatching(/^[\w-]{43}$/)]);
    expect(await readdir(folder)).toEqual(['secret']);
    expect((await stat(join(folder, 'secret'))).mode & 0o777).toBe(0o600);
    expect(await obtain()).toEqual(all[0]);
  });

  it('is not touched where the settings have one', async () => {
    const [current, previous] = [randomToken(32), randomToken(32)];
    const secrets = await obtain({ TOOLGRANT_SECRET: current, TOOLGRANT_SECRET_PREVIOUS: previous });
    expect([secrets.keyEncryptionKey.reveal(), secrets.previousKeyEncryptionKey?.reveal()]).toEqual([current, previous]);
    expect(await readdir(folder)).toEqual([]);
  });

  it.each(['', 'short', `${'x'.repeat(43)}\nmore`])('ABUSE-55: refused when damaged (%j), and left as it is', async (content) => {
    await writeFile(join(folder, 'secret'), content);
    await expect(obtain()).rejects.toThrow(StartProblem);
    expect(await readFile(join(folder, 'secret'), 'utf8')).toBe(content);
  });
});
