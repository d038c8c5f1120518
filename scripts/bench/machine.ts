import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { resolve } from 'node:path';

const checkout = resolve(import.meta.dirname, '../..');

/** What the figures were measured on, in one line. */
export function describeMachine(): string {
  const [first] = cpus();
  const gib = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${first?.model.trim() ?? 'unknown processor'}, ${gib} GB, ${type()} ${release()}`;
}

/** How many processes wanted to run during the last minute. */
export function loadOfLastMinute(): number {
  return loadavg()[0] ?? Number.NaN;
}

/** Versions of what takes part. */
export function describeVersions(postgres: string | undefined): string {
  const dependencies = ['oidc-provider', 'jose', 'undici', '@prisma/client', 'pg'];
  const installed = dependencies.map((name) => `${name} ${versionIn(`node_modules/${name}/package.json`)}`);
  const database = postgres === undefined ? [] : [`PostgreSQL ${postgres}`];
  return [`Toolgrant ${versionIn('package.json')}`, `Node ${process.versions.node}`, ...database, ...installed].join(', ');
}

function versionIn(path: string): string {
  return (JSON.parse(readFileSync(resolve(checkout, path), 'utf8')) as { version: string }).version;
}
