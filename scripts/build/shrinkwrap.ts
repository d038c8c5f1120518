import { readFileSync } from 'node:fs';

interface LockEntry {
  dev?: boolean;
  devOptional?: boolean;
  optional?: boolean;
}

/** The part of a package.json that stands in a lock file's first entry. */
export interface LockedManifest {
  name: string;
  version: string;
  license: string;
  dependencies: Record<string, string>;
  bin?: Record<string, string>;
  engines?: Record<string, string>;
}

/**
 * The lock file of the published product: the checkout's, without what is for development. So an installation gets what
 * was tested, and `npm ci` works inside the package.
 */
export function makeShrinkwrap(manifest: LockedManifest): object {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { lockfileVersion: number; packages: Record<string, LockEntry> };
  const packages: Record<string, object> = {};
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (path === '' || entry.dev) continue;
    const { devOptional, ...kept } = entry;
    packages[path] = devOptional ? { ...kept, optional: true } : kept;
  }
  const { name, version, license, dependencies, bin, engines } = manifest;
  return {
    name,
    version,
    lockfileVersion: lock.lockfileVersion,
    requires: true,
    packages: { '': { name, version, license, dependencies, bin, engines }, ...packages },
  };
}
