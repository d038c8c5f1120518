import { link, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config, Secrets } from '../config/config.ts';
import { Secret } from '../config/secret.ts';
import { randomToken } from '../platform/random.ts';
import type { SealingSecrets } from './open-runtime.ts';
import { StartProblem } from './start-problem.ts';

/**
 * The secrets that keys are sealed under: as set, or with the embedded database the one in the data folder, which is made at
 * the first start (mode 0600). Of two processes that start together, one makes it. Throws `StartProblem` when it is damaged.
 */
export async function obtainSealingSecrets({ config, secrets }: { config: Config; secrets: Secrets }): Promise<SealingSecrets> {
  const { keyEncryptionKey, previousKeyEncryptionKey } = secrets;
  const current = keyEncryptionKey ?? (await obtainStoredSecret(join(config.dataDir, 'secret')));
  return { keyEncryptionKey: current, ...(previousKeyEncryptionKey && { previousKeyEncryptionKey }) };
}

async function obtainStoredSecret(path: string): Promise<Secret> {
  const stored = (await readSecret(path)) ?? (await makeSecret(path));
  if (!/^[\w-]{43}$/.test(stored)) {
    throw new StartProblem(
      `The secret in ${path} is damaged: without it nobody can open the signing keys. Bring the file back from a backup, ` +
        'or set TOOLGRANT_SECRET to what stood in it.',
    );
  }
  return new Secret(stored);
}

async function readSecret(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new StartProblem(`The secret in ${path} cannot be read (${(error as NodeJS.ErrnoException).code}). Let this process read it.`, {
      cause: error,
    });
  }
}

/** Whole or not at all, and never in place of another one's: a link is refused where the file is there. */
async function makeSecret(path: string): Promise<string> {
  const draft = `${path}.${randomToken(6)}.new`;
  try {
    const file = await open(draft, 'wx', 0o600);
    await file.writeFile(`${randomToken(32)}\n`);
    await file.sync();
    await file.close();
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { force: true });
  }
  return (await readFile(path, 'utf8')).trim();
}
