import { type AppliedMigration, listAppliedMigrations, type Queryable } from './bookkeeping.ts';
import { type Migration, migrationsFolder, readMigrations } from './migration-files.ts';

/** How a database's schema stands to this version of Toolgrant. Lists hold names of migrations. */
export interface MigrationStatus {
  /** Not applied yet: the schema is too old to serve on. */
  pending: string[];
  /** Applied, but not known here: a newer version was deployed. Migrations stay compatible with the version before. */
  unknown: string[];
  /** Applied in another form than the one known here: history was rewritten. */
  changed: string[];
  /** Begun and not finished: one is running, or failed half way. */
  unfinished: string[];
}

/** Reads the status of a database; the runtime role may do so. */
export async function readMigrationStatus(db: Queryable, folder = migrationsFolder): Promise<MigrationStatus> {
  return compareMigrations(await readMigrations(folder), await listAppliedMigrations(db));
}

/** Compares the migrations at hand with those applied. */
export function compareMigrations(known: readonly Migration[], applied: readonly AppliedMigration[]): MigrationStatus {
  const finished = new Map(applied.filter((row) => row.finishedAt).map((row) => [row.name, row]));
  const names = (list: readonly { name: string }[]) => [...new Set(list.map(({ name }) => name))];
  return {
    pending: names(known.filter(({ name }) => !finished.has(name))),
    unknown: names([...finished.values()].filter(({ name }) => !known.some((migration) => migration.name === name))),
    changed: names(known.filter(({ name, checksum }) => (finished.get(name)?.checksum ?? checksum) !== checksum)),
    unfinished: names(applied.filter(({ name, finishedAt }) => !finishedAt && !finished.has(name))),
  };
}

/** Why a version may not serve on a database, in a sentence with the way out; undefined if it may. */
export function describeUnfitSchema(status: MigrationStatus): string | undefined {
  if (status.changed.length > 0) return `${describeChanged(status.changed)}`;
  if (status.pending.length === 0) return undefined;
  const [first] = status.pending;
  return `The database's schema is too old: ${status.pending.length} migration(s) are missing, from ${first} on. Run "toolgrant migrate".`;
}

/** The sentence for a rewritten history. */
export function describeChanged(names: readonly string[]): string {
  return (
    `The database was migrated with another text of ${names.join(', ')} than this version's. ` +
    'An applied migration never changes: restore its file, or deploy the version that made this database.'
  );
}
