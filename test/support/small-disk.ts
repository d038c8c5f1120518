import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, open, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A disk of its own that can be filled up. */
export interface SmallDisk extends AsyncDisposable {
  folder: string;
  /** Takes all the room that is left. */
  fill(): Promise<void>;
  /** Gives the room back. */
  empty(): Promise<void>;
}

/** Mounts a disk in memory. Throws where this account may not: Linux lets root. */
export async function mountSmallDisk(mebibytes: number): Promise<SmallDisk> {
  const folder = await mkdtemp(join(tmpdir(), 'toolgrant-disk-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'toolgrant', folder], { encoding: 'utf8' });
  if (mounted.status !== 0) {
    await rmdir(folder);
    throw new Error(`A small disk cannot be mounted (it takes root on Linux): ${mounted.stderr || mounted.error?.message}`);
  }
  await chmod(folder, 0o755);
  const ballast = join(folder, 'ballast');
  return {
    folder,
    async fill() {
      const file = await open(ballast, 'a');
      try {
        for (const size of [1_048_576, 4_096]) {
          const block = Buffer.alloc(size, 1);
          while (await file.write(block).then(({ bytesWritten }) => bytesWritten === size, isFull));
        }
      } finally {
        await file.close();
      }
    },
    empty: () => rm(ballast),
    async [Symbol.asyncDispose]() {
      spawnSync('umount', ['--lazy', folder]);
      await rmdir(folder);
    },
  };
}

function isFull(error: NodeJS.ErrnoException): false {
  if (error.code === 'ENOSPC') return false;
  throw error;
}
