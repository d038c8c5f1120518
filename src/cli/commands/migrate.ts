import type { Command } from 'commander';
import type { MigrationReport } from '../../compose/migrate-database.ts';
import { CommandFailed } from '../failure.ts';
import type { Io } from '../io.ts';
import { leaf, loadSettings, reporting } from '../leaf.ts';
import type { Report } from '../report.ts';

/** Migrations. */
export function addMigrateCommand(program: Command, io: Io): void {
  leaf(program, 'migrate', 'bring the database up to date, as the owner role (TOOLGRANT_MIGRATION_DATABASE_URL)').action(
    reporting(io, async () => {
      const settings = await loadSettings(io, { command: 'migrate' });
      const [{ migrateDatabase }, { explainStartError }] = await Promise.all([
        import('../../compose/migrate-database.ts'),
        import('../../compose/explain-start.ts'),
      ]);
      try {
        return describe(await migrateDatabase(settings));
      } catch (error) {
        const problem = explainStartError(error, settings);
        throw problem ? new CommandFailed('migration', problem.message, { cause: error }) : error;
      }
    }),
  );
}

function describe(report: MigrationReport): Report {
  const { applied, runtimeRole, database } = report;
  const what = applied.length === 0 ? 'The database is up to date.' : `Applied:\n${applied.map((name) => `  ${name}`).join('\n')}`;
  const rights = runtimeRole
    ? `The role ${runtimeRole} has the rights that serving needs.`
    : 'No other role got rights: DATABASE_URL names none, or the owner itself (docs/database.md).';
  return { json: report, text: database === 'embedded' ? what : `${what}\n${rights}` };
}
