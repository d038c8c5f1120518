/** A client of more people than one transaction goes through is blocked or judged, and the work is interrupted between its batches. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sweepInBackground } from '../../src/compose/sweep-in-background.ts';
import type { ClientId } from '../../src/domain/ids.ts';
import { blockClient, unblockClient } from '../../src/services/block-client.ts';
import { quarantineClient } from '../../src/services/judge-client.ts';
import { sweepBatch } from '../../src/services/sweep-consents.ts';
import { listInvalidIndices } from '../../src/store/status.ts';
import { query } from '../support/database-holder.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import {
  authorizationUrl,
  claimsOf,
  connect,
  isActive,
  newPkce,
  refresh,
  registerTestClient,
  type TestClient,
  type Tokens,
} from '../support/oauth-client.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer();
});
afterAll(() => issuer.stop());

/** A list that no index is drawn from. */
const farList = 7;
/** Three batches, the last one not full. */
const others = 2 * sweepBatch + 200;
const operator = { actorType: 'operator' } as const;
const about = (client: TestClient) => ({ clientId: client.clientId as ClientId, origin: operator });
const block = (client: TestClient) => blockClient(issuer.runtime, issuer.tenant, about(client));
const sql = (text: string) => query(issuer.database.ownerUrl, text);

interface Busy {
  client: TestClient;
  /** Of the person whose consent comes last. */
  tokens: Awaited<ReturnType<typeof connect>>;
  /** Ids of the people's consents begin with it. */
  prefix: string;
}

let made = 0;

/** Ids are random: one that comes after all that are made up, whatever the collation. */
async function lastComer(): Promise<Pick<Busy, 'client' | 'tokens'>> {
  for (;;) {
    const client = await registerTestClient(issuer);
    const tokens = await connect(issuer, { client, person, server, decision: { tools: ['list_issues', 'create_issue'] } });
    if (/^cns_[1-9a-z]/i.test(String(claimsOf(tokens.access_token).consent))) return { client, tokens };
  }
}

/** A client that many people use, each with an installation and a status index; the last one of them by its own requests. */
async function busyClient(): Promise<Busy> {
  made += 1;
  const { client, tokens } = await lastComer();
  const prefix = `cns_0${made}_`;
  const consentId = String(claimsOf(tokens.access_token).consent);
  const each = `generate_series(1, ${others}) AS n`;
  await sql(`
    INSERT INTO users SELECT (jsonb_populate_record(u, jsonb_build_object('id', 'usr_${made}_' || n, 'email', '${made}-' || n || '@many.example'))).*
      FROM users u, ${each} WHERE u.id = '${person.userId}';
    INSERT INTO consents SELECT (jsonb_populate_record(k, jsonb_build_object('id', '${prefix}' || lpad(n::text, 6, '0'), 'user_id', 'usr_${made}_' || n))).*
      FROM consents k, ${each} WHERE k.id = '${consentId}';
    INSERT INTO consent_versions SELECT (jsonb_populate_record(v, jsonb_build_object('consent_id', '${prefix}' || lpad(n::text, 6, '0')))).*
      FROM consent_versions v, ${each} WHERE v.consent_id = '${consentId}';
    INSERT INTO installations SELECT (jsonb_populate_record(i, jsonb_build_object('id', 'ins_${made}_' || n, 'grant_id', 'g_${made}_' || n,
        'consent_id', '${prefix}' || lpad(n::text, 6, '0'), 'status_list', ${farList}, 'status_index', ${made * 10_000} + n))).*
      FROM installations i, ${each} WHERE i.consent_id = '${consentId}';
    INSERT INTO status_entries (tenant_id, list, index, installation_id, assigned_at)
      SELECT 'root', ${farList}, ${made * 10_000} + n, 'ins_${made}_' || n, now() FROM ${each};`);
  return { client, tokens, prefix };
}

/** From now on the database refuses to write to one installation: of the batch in the middle. Returns what ends that. */
async function breakSecondBatch(): Promise<() => Promise<unknown>> {
  const broken = `ins_${made}_${sweepBatch + 1}`;
  await sql(`
    CREATE FUNCTION refuse_write() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$;
    CREATE TRIGGER refuse_write BEFORE UPDATE ON installations FOR EACH ROW WHEN (OLD.id = '${broken}') EXECUTE FUNCTION refuse_write();`);
  return () => sql('DROP TRIGGER refuse_write ON installations; DROP FUNCTION refuse_write();');
}

const countOf = async (what: string): Promise<number> => Number((await sql(`SELECT count(*) AS n FROM ${what}`))[0]?.['n']);
const inForce = ({ client }: Busy) => countOf(`consents WHERE client_id = '${client.clientId}' AND ended_at IS NULL`);
const untold = () => countOf(`status_entries WHERE installation_id LIKE 'ins\\_${made}\\_%' AND invalid_at IS NULL`);
const sweeps = () => countOf('consent_sweeps');

/** Clean-up of a process, until nothing is left to sweep. */
async function cleanUp(): Promise<void> {
  const sweeping = sweepInBackground(issuer.runtime, { pauseMs: 1 });
  try {
    while ((await sweeps()) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  } finally {
    await sweeping.stop();
  }
}

async function isIndexPublishedInvalid({ tokens }: Busy): Promise<boolean> {
  const { status } = claimsOf(tokens.access_token) as { status?: { status_list: { idx: number } } };
  return (await listInvalidIndices(issuer.runtime.store, issuer.tenant.id, 0))?.includes(status?.status_list.idx ?? -1) ?? false;
}

describe('ABUSE-84: the block of a client with many people', () => {
  /** Interrupted after its first batch; everything that a client could do must be over all the same. */
  async function interruptedBlock(): Promise<Busy> {
    const busy = await busyClient();
    const mend = await breakSecondBatch();
    try {
      await expect(block(busy.client)).rejects.toThrow('the disk is full');
    } finally {
      await mend();
    }
    expect(await inForce(busy)).toBe(others + 1 - sweepBatch);
    return busy;
  }

  it('counts for all of them from its first commit on, whatever becomes of the rest', async () => {
    const busy = await interruptedBlock();
    const { client, tokens } = busy;
    const [event] = await sql(`SELECT detail FROM audit_events WHERE type = 'client.blocked' AND client_id = '${client.clientId}'`);
    expect(event?.['detail']).toEqual({ consents: others + 1, installations: others + 1 });

    // Nobody has come to this person's consent yet.
    expect(await countOf(`consents WHERE id = '${claimsOf(tokens.access_token).consent}' AND ended_at IS NULL`)).toBe(1);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    expect(await isIndexPublishedInvalid(busy)).toBe(true);
    expect((await refresh(issuer, client, tokens.refresh_token)).json()).toMatchObject({ error: 'invalid_grant' });
    const request = { code_challenge: newPkce().challenge, resource: server.resource };
    expect((await tokens.browser.get(authorizationUrl(issuer, client, request))).headers.location).toBeUndefined();
    expect((await tokens.browser.get(`${issuer.url}/account`)).text).not.toContain(String(claimsOf(tokens.access_token).consent));

    await cleanUp();
    expect([await inForce(busy), await untold(), await sweeps()]).toEqual([0, 0, 0]);
  });

  it('is brought to its end by blocking again, which says what it ended', async () => {
    const busy = await interruptedBlock();
    const left = others + 1 - sweepBatch;
    expect(await block(busy.client)).toEqual({ consents: left, installations: left, isChanged: false });
    expect([await inForce(busy), await untold(), await sweeps()]).toEqual([0, 0, 0]);
  });

  it('is brought to its end before it is lifted: nothing that it was to end comes back', async () => {
    const busy = await interruptedBlock();
    const { client, tokens } = busy;
    expect(await unblockClient(issuer.runtime, issuer.tenant, about(client))).toEqual({ isChanged: true });
    expect([await inForce(busy), await untold(), await sweeps()]).toEqual([0, 0, 0]);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    expect((await refresh(issuer, client, tokens.refresh_token)).json()).toMatchObject({ error: 'invalid_grant' });
    expect(await isActive(issuer, server, (await connect(issuer, { client, person, server })).access_token)).toBe(true);
  });

  it('ABUSE-41: two who block at the same time end everything once', async () => {
    const busy = await busyClient();
    const both = await Promise.all([block(busy.client), block(busy.client)]);
    expect(both.map((one) => one?.isChanged).sort()).toEqual([false, true]);
    expect([await inForce(busy), await untold(), await sweeps()]).toEqual([0, 0, 0]);
    expect(await countOf(`audit_events WHERE type = 'client.blocked' AND client_id = '${busy.client.clientId}'`)).toBe(1);
  });
});

describe('ABUSE-61: a quarantine of a client with many people', () => {
  it.each(['by hand', 'by the tenant’s setting'])('%s: when it is interrupted, clean-up finishes it', async (how) => {
    const busy = await busyClient();
    const { client, tokens } = busy;
    const mend = await breakSecondBatch();
    const judge =
      how === 'by hand'
        ? () => quarantineClient(issuer.runtime, issuer.tenant, about(client))
        : () => issuer.set({ quarantine: 'until-verified' });
    try {
      await expect(judge()).rejects.toThrow('the disk is full');
    } finally {
      await mend();
    }
    expect(await untold()).toBeGreaterThan(0);
    // Who has not been come to yet gets nothing wider any more.
    expect((await refresh(issuer, client, tokens.refresh_token)).json<Tokens>().scope).toBe('tool:list_issues');
    await cleanUp();
    expect([await untold(), await sweeps(), await inForce(busy)]).toEqual([0, 0, others + 1]);
    expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    await issuer.set({ quarantine: 'off' });
  });
});
