/**
 * A rolling deploy: a newer version has migrated, this one goes on. What a migration may do is done to every table there is, while
 * people and agents are served by connections whose statements were prepared before.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import type { ClientId } from '../../src/domain/ids.ts';
import { sha256 } from '../../src/platform/digest.ts';
import { quarantineClient } from '../../src/services/judge-client.ts';
import { prepareTokenRequest, settlePreparedRequest } from '../../src/services/prepare-token-request.ts';
import { query } from '../support/database-holder.ts';
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
  /** A token request of it: all that it reads of a client's standing is what it knew. */
  async function prepareAsBefore(refreshToken: string) {
    const prepared = await prepareTokenRequest(issuer.runtime, issuer.tenant, { model: 'RefreshToken', digest: sha256(refreshToken) });
    if (!prepared) throw new Error('the request was not plain');
    const { facts } = prepared;
    const [row] = await query(
      issuer.database.ownerUrl,
      `SELECT client_standing(c.verified_at, c.quarantined_at, c.quarantine_ends_at, t.settings) AS text
       FROM clients c JOIN tenants t ON t.id = c.tenant_id WHERE c.id = '${facts.consent.clientId}'`,
    );
    return { ...prepared, facts: { ...facts, standing: { ...facts.standing, text: String(row?.['text']) } } };
  }
  const origin = { actorType: 'client' } as const;

  it('settles token requests, unless the client came into quarantine meanwhile', async () => {
    const [person, server, client] = [await issuer.addPerson(), await issuer.addServer(), await registerTestClient(issuer)];
    const tokens = await connect(issuer, { client, person, server });
    const settled = await prepareAsBefore(tokens.refresh_token);
    expect(await settlePreparedRequest(issuer.runtime, issuer.tenant, { prepared: settled, origin })).toBe(true);
    const later = await connect(issuer, { client, person, server });
    const overtaken = await prepareAsBefore(later.refresh_token);
    await quarantineClient(issuer.runtime, issuer.tenant, { clientId: client.clientId as ClientId, origin: { actorType: 'operator' } });
    expect(await settlePreparedRequest(issuer.runtime, issuer.tenant, { prepared: overtaken, origin })).toBe(false);
  });
});
