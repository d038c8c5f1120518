import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CommandResult, runCommand, type Settings } from './command.ts';
import { query } from './database-holder.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from './issuer.ts';
import { type RawMcpServer, startRawMcpServer } from './raw-mcp-server.ts';

const tool = (name: string, annotations: object = {}) => ({ name, inputSchema: { type: 'object' }, annotations });
/** The tools of an MCP server that is not registered yet. */
export const rawTools = [
  tool('look', { readOnlyHint: true, openWorldHint: false }),
  tool('change', { destructiveHint: false }),
  tool('anything'),
];

/** An issuer with a person and a server, an MCP server that it does not know, and a folder for files to apply. */
export interface TenantFileScene {
  issuer: TestIssuer;
  env: Settings;
  folder: string;
  mcp: RawMcpServer;
  person: TestPerson;
  server: TestServer;
  run(...args: string[]): Promise<CommandResult>;
  /** Applies a text, which goes by the name `toolgrant.yaml` in what is printed. */
  apply(text: string, ...options: string[]): Promise<CommandResult>;
  exported(): Promise<string>;
  /** Everything that a file could change, and the audit trail. */
  stateOf(): Promise<string>;
  close(): Promise<void>;
}

/** Sets it up; the caller closes it. */
export async function openTenantFileScene(): Promise<TenantFileScene> {
  const issuer = await startIssuer();
  const folder = await mkdtemp(join(tmpdir(), 'toolgrant-apply-'));
  const mcp = await startRawMcpServer({ listTools: () => ({ tools: rawTools }) });
  const env = {
    DATABASE_URL: issuer.database.runtimeUrl,
    TOOLGRANT_SECRET: issuer.secret,
    TOOLGRANT_DATABASE_POOL_SIZE: '3',
    TOOLGRANT_DATABASE_WAIT: '0s',
    TOOLGRANT_ISSUER: issuer.url,
  };
  const run = (...args: string[]) => runCommand(args, { env });
  return {
    issuer,
    env,
    folder,
    mcp,
    person: await issuer.addPerson(),
    server: await issuer.addServer(),
    run,
    apply: async (text, ...options) => {
      const path = join(folder, 'toolgrant.yaml');
      await writeFile(path, text);
      const result = await run('apply', path, ...options);
      return { ...result, out: result.out.replaceAll(path, 'toolgrant.yaml') };
    },
    exported: async () => (await run('export')).out,
    stateOf: () => readState(issuer),
    close: async () => {
      await mcp.stop();
      await issuer.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function readState({ database }: TestIssuer): Promise<string> {
  const tables = ['tenants', 'servers', 'tools', 'clients', 'groups', 'group_members', 'policies', 'policy_sweeps', 'audit_events'];
  const rows = [];
  for (const table of tables)
    rows.push(await query(database.ownerUrl, `SELECT to_jsonb(t) - 'changed_at' AS row FROM ${table} t ORDER BY 1`));
  return JSON.stringify(rows);
}
