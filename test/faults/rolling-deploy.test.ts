/**
 * A rolling deploy: a newer version has migrated, this one goes on. What a migration may do is done to every table there is, while
 * people and agents are served by connections whose statements were prepared before.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { type ClientId, idPrefixes } from '../../src/domain/ids.ts';
import { sha256 } from '../../src/platform/digest.ts';
import { randomId } from '../../src/platform/random.ts';
import { quarantineClient } from '../../src/services/judge-client.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { connect, isActive, postForm, refresh, registerTestClient, type Tokens } from '../support/oauth-client.ts';

let issuer: TestIssuer;
let owner: Client;
beforeAll(async () => {
  issuer = await startIssuer({ maxConnections: 4 });
  owner = new Client({ connectionString: issuer.database.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await issuer.stop();
});

/** Everything that is done all day, once. */
async function aDay(): Promise<void> {
  const client = await registerTestClient(issuer, { token_endpoint_auth_method: 'client_secret_post' });
  const [person, server] = [await issuer.addPerson(), await issuer.addServer()];
  const secret = { client_secret: client.secret };
  // `connect` is for clients without a secret; this one shows that registered ones go on.
  const open = await registerTestClient(issuer);
  const tokens = await connect(issuer, { client: open, person, server });
  const next = (await refresh(issuer, open, tokens.refresh_token)).json<Tokens>();
  expect(await isActive(issuer, server, next.access_token)).toBe(true);
  expect((await tokens.browser.get(`${issuer.url}/account`)).status).toBe(200);
  expect((await issuer.send({ path: '/status/0' })).status).toBe(200);
  expect((await postForm(issuer, '/revoke', { token: next.refresh_token, client_id: open.clientId })).status).toBe(200);
  expect(await isActive(issuer, server, next.access_token)).toBe(false);
  expect((await refresh(issuer, client, 'none', secret)).json<{ error: string }>().error).toBe('invalid_grant');
}

describe('ABUSE-85: this version on the schema of a newer one', () => {
  it('goes on without an error, on connections that were open before', async () => {
    await aDay();
    await aDay(); // statements are prepared by now
    const { rows: tables } = await owner.query<{ name: string }>(
      `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname NOT LIKE '\\_%'`,
    );
    expect(tables.length).toBeGreaterThan(12);
    let isOver = false;
    const busy = (async () => {
      while (!isOver) await aDay();
    })();
    for (const { name } of tables) {
      await owner.query(`ALTER TABLE "${name}" ADD COLUMN zz_optional text, ADD COLUMN zz_given text NOT NULL DEFAULT 'x'`);
      await owner.query(`CREATE INDEX "zz_${name}" ON "${name}" (zz_optional)`);
    }
    await owner.query('CREATE TABLE zz_new (id text PRIMARY KEY)');
    isOver = true;
    await busy;
    await aDay();
    const faults = issuer.log.filter((line) => /"level":"(error|fatal)"/.test(line));
    expect(faults).toEqual([]);
  }, 120_000);
});

describe('ABUSE-85: the version before on this schema', () => {
  /** What it read before a token request, of which its statement is told at the end: all that it knew of a client's standing, too. */
  async function readAsBefore(refreshToken: string) {
    const { rows } = await owner.query(
      `SELECT a.digest, a.grant_id, i.id AS installation, i.status_list, i.status_index, k.id AS consent, k.user_id, k.client_id, k.server_id,
         (SELECT max(version) FROM consent_versions v WHERE v.tenant_id = k.tenant_id AND v.consent_id = k.id) AS version, s.catalogue_revision,
         client_standing(c.verified_at, c.quarantined_at, c.quarantine_ends_at, t.settings) AS standing
       FROM artifacts a JOIN installations i ON i.tenant_id = a.tenant_id AND i.grant_id = a.grant_id
         JOIN consents k ON k.tenant_id = i.tenant_id AND k.id = i.consent_id JOIN clients c ON c.tenant_id = k.tenant_id AND c.id = k.client_id
         JOIN servers s ON s.tenant_id = k.tenant_id AND s.id = k.server_id JOIN tenants t ON t.id = a.tenant_id
       WHERE a.tenant_id = 'root' AND a.model = 'RefreshToken' AND a.digest = $1`,
      [sha256(refreshToken)],
    );
    return rows[0] as Record<string, unknown>;
  }

  /** Writes it; refused by an error where something does not stand any more. */
  async function settleAsBefore(read: Record<string, unknown>): Promise<unknown> {
    const place = [read['installation'], read['status_list'], read['status_index'], false, read['consent'], read['version']];
    const about = [read['user_id'], read['client_id'], read['server_id'], read['catalogue_revision']];
    const { rows } = await owner.query(
      `SELECT settle_token_request('root', now(), 'RefreshToken', $1, NULL, NULL, NULL, $2, NULL, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
         $13, 'client', NULL, NULL, NULL, '{}', $14) AS settled`,
      [read['digest'], read['grant_id'], ...place, ...about, randomId(idPrefixes.event), read['standing']],
    );
    return rows[0].settled;
  }

  it('settles token requests, unless the client came into quarantine meanwhile', async () => {
    const [person, server, client] = [await issuer.addPerson(), await issuer.addServer(), await registerTestClient(issuer)];
    const tokens = await connect(issuer, { client, person, server });
    expect(await settleAsBefore(await readAsBefore(tokens.refresh_token))).toBe(true);
    const later = await connect(issuer, { client, person, server });
    const overtaken = await readAsBefore(later.refresh_token);
    await quarantineClient(issuer.runtime, issuer.tenant, { clientId: client.clientId as ClientId, origin: { actorType: 'operator' } });
    await expect(settleAsBefore(overtaken)).rejects.toMatchObject({ code: 'TG001' });
  });
});
