import type { ClientKind } from '../domain/client-trust.ts';
import type { ClientId, TenantId } from '../domain/ids.ts';
import type { QuarantinedClient, QuarantineSetting } from '../domain/quarantine.ts';
import { readTenantSettings } from '../domain/tenant-settings.ts';
import type { Database } from './client.ts';

/** All that says whether a client is in quarantine, as it stands in the database at this moment. */
export interface ClientStanding {
  client: QuarantinedClient;
  setting: QuarantineSetting;
}

/** A row with it. */
export interface ClientStandingRow {
  kind: string;
  client_created_at: Date;
  verified_at: Date | null;
  quarantined_at: Date | null;
  quarantine_ends_at: Date | null;
  identity_changed_at: Date | null;
  settings: unknown;
}

/** Reads a row. */
export function toClientStanding(row: ClientStandingRow): ClientStanding {
  return {
    client: {
      kind: row.kind as ClientKind,
      createdAt: row.client_created_at,
      ...(row.verified_at && { verifiedAt: row.verified_at }),
      ...(row.quarantined_at && { quarantinedAt: row.quarantined_at }),
      ...(row.quarantine_ends_at && { quarantineEndsAt: row.quarantine_ends_at }),
      ...(row.identity_changed_at && { identityChangedAt: row.identity_changed_at }),
    },
    setting: readTenantSettings(row.settings).settings.quarantine,
  };
}

/**
 * Finds a client's standing. Whoever issues a token reads it with the consent locked: who changes it commits that first, and sweeps the
 * status indices of the consents, locked, afterwards.
 */
export async function findClientStanding(db: Database, tenantId: TenantId, id: ClientId): Promise<ClientStanding | undefined> {
  const [row] = await db.$queryRaw<ClientStandingRow[]>`
    SELECT c.kind, c.created_at AS client_created_at, c.verified_at, c.quarantined_at, c.quarantine_ends_at, c.identity_changed_at, t.settings
    FROM clients AS c JOIN tenants AS t ON t.id = c.tenant_id WHERE c.tenant_id = ${tenantId} AND c.id = ${id}`;
  return row && toClientStanding(row);
}
