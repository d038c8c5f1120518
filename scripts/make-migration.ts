/**
 * Makes a migration of what changed in `prisma/schema.prisma`: `npm run migration -- <name>`.
 *
 * A throw-away database gets all migrations there are; what it then lacks becomes the new one. Read it before you commit:
 * renaming looks like dropping and adding. `--empty` makes one to be written by hand (functions, partitions, data).
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmbeddedDatabase } from '../src/platform/embedded-database.ts';
import { applyMigrations } from '../src/store/migrate/apply-migrations.ts';
import { migrationsFolder } from '../src/store/migrate/migration-files.ts';
import { findSchemaDifference } from './schema-difference.ts';

const { positionals, values } = parseArgs({ allowPositionals: true, options: { empty: { type: 'boolean', default: false } } });
const [name] = positionals;
if (positionals.length !== 1 || !name || !/^[a-z][a-z0-9_]*$/.test(name)) {
  process.stderr.write('usage: npm run migration -- <name_in_small_letters> [--empty]\n');
  process.exit(2);
}

await mkdir(migrationsFolder, { recursive: true });
const sql = values.empty ? '-- Write the statements here.\n' : await findMissing();
if (sql === '') {
  process.stdout.write('The migrations give what prisma/schema.prisma says; there is nothing to make.\n');
} else {
  const timestamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
  const folder = join(migrationsFolder, `${timestamp}_${name}`);
  await mkdir(folder);
  await writeFile(join(folder, 'migration.sql'), sql);
  process.stdout.write(`${join(folder, 'migration.sql')}\n`);
}

async function findMissing(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'toolgrant-migration-'));
  try {
    const database = await startEmbeddedDatabase({ folder, purpose: 'command', durable: false });
    try {
      await applyMigrations({ ownerUrl: database.ownerUrl });
      return await findSchemaDifference(database.ownerUrl);
    } finally {
      await database.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
