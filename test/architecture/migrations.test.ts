/** What migrations may do: while a new version is rolled out, the old one goes on with the new schema, so nothing it knows may go. */
import { describe, expect, it } from '@jest/globals';
import { listFiles, readText } from './source-tree.ts';

/** What would break the version before, by its statement. */
const breaking: readonly [what: string, pattern: RegExp][] = [
  ['takes a table or a column away', /\bDROP\s+(?:TABLE|COLUMN|SCHEMA|TYPE|VIEW)\b/i],
  ['gives something another name', /\bRENAME\b/i],
  ['changes what a column holds', /\bALTER\s+COLUMN\s+\S+\s+(?:SET\s+DATA\s+)?TYPE\b/i],
  ['demands a value that the version before does not give', /\bSET\s+NOT\s+NULL\b/i],
  [
    'adds a column that demands a value and has no default',
    /\bADD\s+COLUMN\s+(?:IF\s+NOT\s+EXISTS\s+)?\S+\s+(?![^,;]*\bDEFAULT\b)[^,;]*\bNOT\s+NULL\b/i,
  ],
  ['takes a default away', /\bDROP\s+DEFAULT\b/i],
];

function faultsOf(sql: string): string[] {
  // A partition that goes when its time is over is nothing that a version needs.
  const text = sql.replaceAll(/--.*$/gm, '').replaceAll(`EXECUTE format('DROP TABLE %I', partition.name)`, '');
  // A function that is dropped must stand again in the same file: its arguments may not change under those who call it.
  const dropped = [...text.matchAll(/\bDROP\s+FUNCTION\s+(?:IF\s+EXISTS\s+)?"?(\w+)/gi)].map(([, name]) => name ?? '');
  const gone = dropped.filter((name) => !new RegExp(`CREATE\\s+(?:OR\\s+REPLACE\\s+)?FUNCTION\\s+"?${name}\\b`, 'i').test(text));
  return [
    ...breaking.filter(([, pattern]) => pattern.test(text)).map(([what]) => what),
    ...gone.map((name) => `takes the function ${name} away`),
  ];
}

/** `clean_up` puts a partitioned table of the same name and columns in the place of one, in one transaction, before the first release. */
const before = /_(init|clean_up)\//;
const migrations = listFiles('prisma/migrations').filter((path) => path.endsWith('migration.sql'));

describe('ABUSE-85: a migration', () => {
  it.each(migrations.filter((path) => !before.test(path)))('%s leaves everything that the version before needs', (path) => {
    expect(faultsOf(readText(path))).toEqual([]);
  });

  it.each([
    'DROP TABLE users;',
    'ALTER TABLE users DROP COLUMN email;',
    'ALTER TABLE users RENAME COLUMN email TO mail;',
    'ALTER TABLE users ALTER COLUMN email TYPE int;',
    'ALTER TABLE users ALTER COLUMN email SET DATA TYPE int;',
    'ALTER TABLE users ALTER COLUMN email SET NOT NULL;',
    'ALTER TABLE "users" ADD COLUMN     "x" TEXT NOT NULL;',
    'ALTER TABLE "users" ADD COLUMN "y" TEXT DEFAULT \'a\',\nADD COLUMN "x" TEXT NOT NULL;',
    'DROP FUNCTION settle_token_request(text);',
  ])('that says "%s" would be noticed', (sql) => {
    expect(faultsOf(sql)).not.toEqual([]);
  });

  it.each([
    'ALTER TABLE users ADD COLUMN x text;',
    "ALTER TABLE users ADD COLUMN x text NOT NULL DEFAULT '';",
    'CREATE TABLE x (id text NOT NULL);',
    '-- DROP TABLE users',
  ])('may say "%s"', (sql) => {
    expect(faultsOf(sql)).toEqual([]);
  });
});
