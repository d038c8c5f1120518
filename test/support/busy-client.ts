/** A client of more people than one batch goes through: what ends or changes for all of them at once does so batch by batch. */
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { sweepInBackground } from '../../src/compose/sweep-in-background.ts';
import { sweepBatch } from '../../src/services/sweep-consents.ts';
import { type CommandResult, type Settings, startCommand } from './command.ts';
import { query } from './database-holder.ts';
import type { TestIssuer, TestPerson, TestServer } from './issuer.ts';
import { claimsOf, connect, registerTestClient, type TestClient } from './oauth-client.ts';

/** Beside the one who connects by its own requests: three batches, the last one not full. */
export const otherPeople = 2 * sweepBatch + 200;

/** A list that no index is drawn from. */
const farList = 7;

/** A client that many people use, each with an installation and a status index. */
export interface BusyClient {
  client: TestClient;
  /** Of the person whose consent comes last. */
  tokens: Awaited<ReturnType<typeof connect>>;
  consentId: string;
  /** How many consents for it have not ended. */
  inForce(): Promise<number>;
  /** How many status indices of the others are not invalid. */
  untold(): Promise<number>;
  /** From now on whoever writes to what is in the middle batch runs `statement`, a line of PL/pgSQL. Returns what ends that. */
  onSecondBatch(statement: string): Promise<() => Promise<unknown>>;
}

let made = 0;

/** Makes one. All its people but `person` are made up, and come before that one whatever the collation. */
export async function addBusyClient(
  issuer: TestIssuer,
  { person, server }: { person: TestPerson; server: TestServer },
): Promise<BusyClient> {
  made += 1;
  const mark = `${made}_`;
  const { client, tokens, consentId } = await connectLast(issuer, { person, server });
  const sql = (text: string) => query(issuer.database.ownerUrl, text);
  const each = `generate_series(1, ${otherPeople}) AS n`;
  const idOf = `'cns_0${mark}' || lpad(n::text, 6, '0')`;
  await sql(`
    INSERT INTO users SELECT (jsonb_populate_record(u, jsonb_build_object('id', 'usr_${mark}' || n, 'email', '${made}-' || n || '@many.example'))).*
      FROM users u, ${each} WHERE u.id = '${person.userId}';
    INSERT INTO consents SELECT (jsonb_populate_record(k, jsonb_build_object('id', ${idOf}, 'user_id', 'usr_${mark}' || n))).*
      FROM consents k, ${each} WHERE k.id = '${consentId}';
    INSERT INTO consent_versions SELECT (jsonb_populate_record(v, jsonb_build_object('consent_id', ${idOf}))).*
      FROM consent_versions v, ${each} WHERE v.consent_id = '${consentId}';
    INSERT INTO installations SELECT (jsonb_populate_record(i, jsonb_build_object('id', 'ins_${mark}' || n, 'grant_id', 'g_${mark}' || n,
        'consent_id', ${idOf}, 'status_list', ${farList}, 'status_index', ${made * 10_000} + n))).*
      FROM installations i, ${each} WHERE i.consent_id = '${consentId}';
    INSERT INTO status_entries (tenant_id, list, index, installation_id, assigned_at)
      SELECT 'root', ${farList}, ${made * 10_000} + n, 'ins_${mark}' || n, now() FROM ${each};`);
  return {
    client,
    tokens,
    consentId,
    inForce: () => countRows(issuer, `consents WHERE client_id = '${client.clientId}' AND ended_at IS NULL`),
    untold: () => countRows(issuer, `status_entries WHERE starts_with(installation_id, 'ins_${mark}') AND invalid_at IS NULL`),
    onSecondBatch: async (statement) => {
      await sql(`
        CREATE FUNCTION on_second_batch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${statement}; RETURN COALESCE(NEW, OLD); END $$;
        CREATE TRIGGER on_second_batch BEFORE UPDATE OR DELETE ON installations
          FOR EACH ROW WHEN (OLD.id = 'ins_${mark}${sweepBatch + 1}') EXECUTE FUNCTION on_second_batch();`);
      return () => sql('DROP TRIGGER on_second_batch ON installations; DROP FUNCTION on_second_batch();');
    },
  };
}

/** Ids are random: this one comes after all that are made up, whatever the collation. */
async function connectLast(issuer: TestIssuer, { person, server }: { person: TestPerson; server: TestServer }) {
  for (;;) {
    const client = await registerTestClient(issuer);
    const tokens = await connect(issuer, { client, person, server, decision: { tools: ['list_issues', 'create_issue'] } });
    const consentId = String(claimsOf(tokens.access_token).consent);
    if (/^cns_[1-9a-z]/i.test(consentId)) return { client, tokens, consentId };
  }
}

/** A lock of the test's own, for a batch to wait at. */
const gate = 4_711;

/** Starts a command whose second batch waits, as it would for a slow disk, and kills it there with -9. Returns how it ended. */
export async function killOnSecondBatch(
  issuer: TestIssuer,
  { busy, args, env }: { busy: BusyClient; args: readonly string[]; env: Settings },
): Promise<CommandResult> {
  const letGo = await busy.onSecondBatch(`PERFORM pg_advisory_xact_lock(${gate})`);
  const isWaiting = async () => (await countRows(issuer, `pg_locks WHERE locktype = 'advisory' AND objid = ${gate} AND NOT granted`)) > 0;
  const ended = await issuer.runtime.store.$transaction(
    async (db) => {
      await db.$executeRawUnsafe(`SELECT pg_advisory_xact_lock(${gate})`);
      const command = startCommand(args, { env, cwd: tmpdir() });
      while (command.process.exitCode === null && !(await isWaiting())) await sleep(20);
      // At once, and looked at afterwards: the database ends a transaction that is idle for long, and then nothing waits any more.
      command.process.kill('SIGKILL');
      return command.ended;
    },
    { timeout: 60_000 },
  );
  await letGo();
  return ended;
}

/** Counts rows: of `table WHERE …`. */
export async function countRows(issuer: TestIssuer, what: string): Promise<number> {
  const [row] = await query(issuer.database.ownerUrl, `SELECT count(*) AS n FROM ${what}`);
  return Number(row?.['n']);
}

/** Clean-up of a process, until `isDone`. */
export async function cleanUpUntil(issuer: TestIssuer, isDone: () => Promise<boolean>): Promise<void> {
  const sweeping = sweepInBackground(issuer.runtime, { pauseMs: 1 });
  try {
    while (!(await isDone())) await sleep(20);
  } finally {
    await sweeping.stop();
  }
}
