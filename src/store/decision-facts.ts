import type { ClientId, ServerId, TenantId, UserId } from '../domain/ids.ts';
import type { QuarantineSetting } from '../domain/quarantine.ts';
import { readTenantSettings } from '../domain/tenant-settings.ts';
import type { Database } from './client.ts';
import { isClientId, type StoredClient, toClient } from './clients.ts';
import { consentFromJson, type StoredConsent } from './consents.ts';
import { Prisma } from './generated/client.ts';
import { fromJsonRow } from './json-row.ts';
import type { PolicyFacts } from './policies.ts';
import { type StoredServer, toServer } from './servers.ts';

/** What a decision of a person about a client and a server rests on, but for the catalogue: all as it stands at one moment. */
export interface DecisionFacts {
  /** Blocked ones included; one that is being removed is gone. */
  client?: StoredClient;
  /** One that is being removed is gone. */
  server?: StoredServer;
  /** What she decided before, ended or not. */
  consent?: StoredConsent;
  /** What the tenant does with clients that nobody has verified. */
  quarantine: QuarantineSetting;
  policy: PolicyFacts;
}

/** Between whom the decision is; the server by its id, or by the `key` of its resource URI. */
export interface DecisionParties {
  userId: UserId;
  clientId: ClientId;
  server: { id: ServerId } | { resourceKey: string };
}

interface FactsRow {
  client: unknown;
  server: unknown;
  consent: unknown;
  version: unknown;
  settings: unknown;
  revision: number;
  groups: string[];
}

/** Finds them by one statement: a page on which people decide took eight. */
export async function findDecisionFacts(db: Database, tenantId: TenantId, parties: DecisionParties): Promise<DecisionFacts> {
  const { userId, server } = parties;
  const clientId = isClientId(parties.clientId) ? parties.clientId : '';
  const isServer = 'id' in server ? Prisma.sql`s.id = ${server.id}` : Prisma.sql`s.resource_key = ${server.resourceKey}`;
  const [row] = await db.$queryRaw<FactsRow[]>`
    SELECT to_json(c) AS client, to_json(s) AS server, to_json(k) AS consent, to_json(v) AS version,
      t.settings, t.policy_revision AS revision, ARRAY(
        SELECT g.name FROM group_members AS m JOIN groups AS g ON g.tenant_id = m.tenant_id AND g.id = m.group_id
        WHERE m.tenant_id = t.id AND m.user_id = ${userId} ORDER BY g.name) AS groups
    FROM tenants AS t
      LEFT JOIN clients AS c ON c.tenant_id = t.id AND c.id = ${clientId} AND c.removed_at IS NULL
      LEFT JOIN servers AS s ON s.tenant_id = t.id AND ${isServer} AND s.removed_at IS NULL
      LEFT JOIN consents AS k ON k.tenant_id = t.id AND k.user_id = ${userId} AND k.client_id = ${clientId} AND k.server_id = s.id
      LEFT JOIN LATERAL (
        SELECT * FROM consent_versions AS v WHERE v.tenant_id = k.tenant_id AND v.consent_id = k.id ORDER BY v.version DESC LIMIT 1
      ) AS v ON true
    WHERE t.id = ${tenantId}`;
  if (!row) throw new Error(`there is no tenant ${tenantId}`);
  const { revision, groups } = row;
  const consent = consentFromJson(row.consent, row.version);
  return {
    ...(row.client !== null && { client: toClient(fromJsonRow(row.client)) }),
    ...(row.server !== null && { server: toServer(fromJsonRow(row.server)) }),
    ...(consent && { consent }),
    quarantine: readTenantSettings(row.settings).settings.quarantine,
    policy: { revision, groups },
  };
}
