import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { clusterVariable, templateName, withDatabase } from './test-cluster.ts';

/** A database of one test file's own. */
export interface TestDatabase {
  name: string;
  /** Signs in as the owner of the tables. */
  ownerUrl: string;
  /** Signs in as the role that serves. */
  runtimeUrl: string;
  /** Cuts all connections and removes it. */
  drop(): Promise<void>;
}

/**
 * Makes a database: migrated, or with `empty` without any table.
 * Needs Jest's global setup (projects `system` and `deep`).
 */
export async function createTestDatabase(options: { empty?: boolean } = {}): Promise<TestDatabase> {
  const { ownerUrl, runtimeUrl } = readCluster();
  const name = `test_${randomBytes(8).toString('hex')}`;
  await runAsOwner(ownerUrl, `CREATE DATABASE ${name} TEMPLATE ${options.empty ? 'template1' : templateName}`);
  return {
    name,
    ownerUrl: withDatabase(ownerUrl, name),
    runtimeUrl: withDatabase(runtimeUrl, name),
    drop: () => runAsOwner(ownerUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

function readCluster(): { ownerUrl: string; runtimeUrl: string } {
  const text = process.env[clusterVariable];
  if (!text) throw new Error('No test database runs here: this test belongs to the project `system` or `deep` (see jest.config.ts).');
  return JSON.parse(text);
}

async function runAsOwner(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
