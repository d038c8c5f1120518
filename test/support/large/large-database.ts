/** A database that has grown: what its tables hold, and which of them are meant to. */
import { expect } from '@jest/globals';
import type { Client } from 'pg';
import { consentsPerPage } from '../../../src/services/list-consents.ts';
import type { TestPerson, TestServer } from '../issuer.ts';

/** Tables with as many rows as administrators made, which may be read whole where that is cheaper. Every other one grows, and is large here. */
const few = new Set(
  `tenants groups policies policy_sweeps consent_sweeps servers tools tool_versions service_accounts tool_assignments signing_keys
   initial_access_tokens audit_keys audit_retentions trail_cursors`.split(/\s+/),
);

/** Among so many servers the consents and API keys of all others are spread. */
const otherServers = 200;

/** How many consents the person has whose pages are looked at. */
export const ownConsents = 2 * consentsPerPage + 5;

/** Makes consents of many people for many agents, beside those of `person`, and all that grows with them. */
export async function fillDatabase(
  owner: Client,
  { tenantId, person, server, consents }: { tenantId: string; person: TestPerson; server: TestServer; consents: number },
): Promise<void> {
  const root = `'${tenantId}'`;
  const rows = `generate_series(1, ${consents}) AS n`;
  const [people, clients] = [consents / 4, consents / 5];
  // Four agents of each person, no two the same.
  const user = `'usr_' || 1 + n % ${people}`;
  const client = `'cli_' || 1 + (n + 37 * (n / ${people})) % ${clients}`;
  const anyServer = `'srv_' || 1 + n % ${otherServers}`;
  const terms = `'[{"name":"list_issues","digest":"none","risk":"read","openWorld":false}]', false, false, 'salt', 'consent', now() + interval '1 year', now()`;
  for (const sql of [
    `INSERT INTO users (tenant_id, id, email, created_at) SELECT ${root}, 'usr_' || n, 'person-' || n || '@example.com', now() FROM generate_series(1, ${people}) AS n`,
    `INSERT INTO clients (tenant_id, id, kind, metadata, created_at, first_authorized_at)
     SELECT ${root}, 'cli_' || n, 'dynamic', '{"name":"Agent","redirectUris":[],"authMethod":"none","grants":[],"applicationType":"native"}', now(), now() FROM generate_series(1, ${clients}) AS n`,
    `INSERT INTO servers (tenant_id, id, resource, resource_key, name, credential_digest, created_at)
     SELECT ${root}, 'srv_' || n, 'https://s-' || n || '.example/mcp', 'https://s-' || n || '.example/mcp', 'Server', 'digest', now() FROM generate_series(1, ${otherServers}) AS n`,
    `INSERT INTO consents (tenant_id, id, user_id, client_id, server_id, created_at)
     SELECT ${root}, 'cns_' || n, ${user}, ${client}, ${anyServer}, now() - n * interval '1 second' FROM ${rows}`,
    `INSERT INTO consents (tenant_id, id, user_id, client_id, server_id, created_at)
     SELECT ${root}, 'cns_own_' || n, '${person.userId}', 'cli_' || n, '${server.serverId}', now() - (n / 2) * interval '1 second' FROM generate_series(1, ${ownConsents}) AS n`,
    `INSERT INTO consent_versions (tenant_id, consent_id, version, tools, resources, prompts, salt, origin, expires_at, decided_at)
     SELECT tenant_id, id, 1, ${terms} FROM consents`,
    `INSERT INTO installations (tenant_id, id, consent_id, grant_id, created_at, last_token_at, status_list, status_index)
     SELECT tenant_id, 'ins_' || id, id, 'grant_' || id, now(), now(), 0, row_number() OVER () FROM consents`,
    `INSERT INTO groups (tenant_id, id, name, created_at) VALUES (${root}, 'grp_1', 'everybody', now())`,
    `INSERT INTO group_members (tenant_id, group_id, user_id, added_at) SELECT ${root}, 'grp_1', id, now() FROM users`,
    `INSERT INTO tool_uses (tenant_id, user_id, day, consent_id, tool, assurance, calls, last_at)
     SELECT tenant_id, user_id, current_date, id, 'list_issues', 'reported', 1, now() FROM consents`,
    `INSERT INTO status_entries (tenant_id, list, index, installation_id, assigned_at)
     SELECT tenant_id, status_index / 131072 + 1, status_index % 131072, id, now() FROM installations`,
    `INSERT INTO artifacts (tenant_id, model, digest, payload, grant_id, account_id, uid, expires_at, created_at)
     SELECT ${root}, (ARRAY['RefreshToken', 'Session', 'Grant', 'Interaction'])[1 + n % 4], 'digest_' || n, '{}', 'grant_cns_' || n, 'usr_' || n, 'uid_' || n,
       now() + interval '30 days', now() FROM ${rows}`,
    `INSERT INTO audit_events (tenant_id, id, at, type, assurance, actor_type, outcome, detail)
     SELECT ${root}, 'evt_' || n, now() - n * interval '1 minute', 'token.issued', 'enforced', 'client', 'success', '{}' FROM ${rows}`,
    `INSERT INTO selections (tenant_id, sha256, document, expires_at) SELECT ${root}, 'sha_' || n, '{}', now() + interval '1 day' FROM ${rows}`,
    `INSERT INTO one_time_links (tenant_id, digest, purpose, expires_at, created_at)
     SELECT ${root}, 'link_' || n, 'invitation', now() + interval '1 day', now() FROM ${rows}`,
    `INSERT INTO rate_limits (key, points, expire) SELECT 'key_' || n, 1, extract(epoch FROM now() + interval '1 day') * 1000 FROM ${rows}`,
    `INSERT INTO api_keys (tenant_id, id, name, user_id, server_id, tools, resources, prompts, salt, digest, lifetime_seconds, created_at, expires_at)
     SELECT ${root}, 'key_' || n, 'Key', ${user}, ${anyServer}, '[]', false, false, 'salt', 'key_' || n, 86400, now(),
       now() + interval '30 days' FROM ${rows}`,
    `INSERT INTO user_identities (tenant_id, issuer, subject, user_id, created_at)
     SELECT ${root}, 'https://idp.example', 'sub_' || n, 'usr_' || n, now() FROM generate_series(1, ${people}) AS n`,
    `INSERT INTO client_versions (tenant_id, client_id, version, redirect_uris, since) SELECT ${root}, 'cli_' || n, 1, '{}', now() FROM generate_series(1, ${clients}) AS n`,
    `INSERT INTO remote_documents (tenant_id, kind, url, expires_at) SELECT ${root}, 'client-metadata', 'https://agent.example/' || n, now() + interval '1 day' FROM ${rows}`,
    // Of a tenant whose trail nobody goes on with: these are no seals.
    `INSERT INTO audit_seals (tenant_id, number, until_tx, until_at, until_id, jws, digests)
     SELECT 'tnt_sealed', n, -n, now(), 'evt_' || n, 'jws', '' FROM ${rows}`,
    'ANALYZE',
  ]) {
    await owner.query(sql);
  }
}

/** The tables with many rows, partitions among them; none of those that grow may be missing. */
export async function findLargeTables(owner: Client): Promise<ReadonlySet<string>> {
  const { rows } = await owner.query<{ name: string; rows: number; is_part: boolean }>(
    `SELECT relname AS name, reltuples AS rows, relispartition AS is_part FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> '_prisma_migrations'`,
  );
  const large = new Set(rows.filter((table) => table.rows >= 1_000).map(({ name }) => name));
  expect(
    rows
      .filter(({ name, is_part }) => !is_part && !large.has(name))
      .map(({ name }) => name)
      .sort(),
  ).toEqual([...few].sort());
  return large;
}
