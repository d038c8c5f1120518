import type { AuditEventType } from '../domain/audit-event.ts';
import type { ClientId } from '../domain/ids.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { type ClientStandingChange, changeClientStanding, findClient, lockClient, type StoredClient } from '../store/clients.ts';
import { beginConsentSweep } from '../store/consent-sweeps.ts';
import { invalidateMachineStatus } from '../store/machine-status.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';
import { finishConsentSweep } from './sweep-consents.ts';

/** The client as it stands now; undefined when there is none. `isChanged`: whether it stood otherwise before. */
export type ClientJudgement = { client: StoredClient; isChanged: boolean } | undefined;

interface Judging {
  clientId: ClientId;
  origin: Origin;
}

/** What is to change for a client as it stands; undefined when it stands so already. */
type Decide = (client: StoredClient, now: Date) => Decision | undefined;

/** Says that an administrator checked who a client is. A quarantine ends by it, and what people allowed counts again within seconds. */
export function verifyClient(runtime: Runtime, tenant: Tenant, judging: Judging): Promise<ClientJudgement> {
  return judge(runtime, tenant, {
    ...judging,
    decide: ({ verifiedAt, quarantinedAt }, now) =>
      verifiedAt && !quarantinedAt
        ? undefined
        : { type: 'client.verified', change: { verifiedAt: now, quarantinedAt: null, quarantineEndsAt: null }, detail: {} },
  });
}

/** Takes that back: from now on it is a client like any other, and in quarantine where the tenant's setting says so. */
export function unverifyClient(runtime: Runtime, tenant: Tenant, judging: Judging): Promise<ClientJudgement> {
  return judge(runtime, tenant, {
    ...judging,
    decide: ({ verifiedAt }) => (verifiedAt ? { type: 'client.unverified', change: { verifiedAt: null }, detail: {} } : undefined),
  });
}

/**
 * Puts a client in quarantine, for some seconds or until it is verified; what was verified before must be looked at again. Its access
 * tokens end within seconds, and the next ones may only read.
 */
export function quarantineClient(runtime: Runtime, tenant: Tenant, judging: Judging & { seconds?: number }): Promise<ClientJudgement> {
  const { seconds } = judging;
  return judge(runtime, tenant, {
    ...judging,
    decide: (_, now) => {
      const until = seconds === undefined ? null : new Date(now.getTime() + seconds * 1_000);
      const change = { verifiedAt: null, quarantinedAt: now, quarantineEndsAt: until };
      return { type: 'client.quarantined', change, detail: { until: until?.toISOString() ?? null } };
    },
  });
}

interface Decision {
  type: AuditEventType;
  change: ClientStandingChange;
  detail: Readonly<Record<string, unknown>>;
}

/**
 * Changes what is said of a client; then, in batches, turns the status indices of everything that it was allowed invalid, so that its next
 * tokens are what it may do now. The change is committed before the consents are locked: whoever issues a token meanwhile is swept, or
 * sees it. What was interrupted before is finished also when nothing changes.
 */
async function judge(
  runtime: Runtime,
  tenant: Tenant,
  { clientId, origin, decide }: Judging & { decide: Decide },
): Promise<ClientJudgement> {
  const judged = await transact(runtime.store, async (db): Promise<ClientJudgement> => {
    await lockClient(db, tenant.id, clientId);
    const client = await findClient(db, tenant.id, clientId);
    if (!client) return undefined;
    const at = runtime.clock.now();
    const decision = decide(client, at);
    if (!decision) return { client, isChanged: false };
    const { type, change, detail } = decision;
    await changeClientStanding(db, tenant.id, clientId, change);
    await beginConsentSweep(db, { tenantId: tenant.id, clientId }, at);
    if (client.serviceAccountId) await invalidateMachineStatus(db, tenant.id, { clientOf: client.serviceAccountId }, at);
    await recordAuditEvent(db, tenant.id, { ...origin, type, outcome: 'success', at, clientId, detail });
    const now = await findClient(db, tenant.id, clientId);
    return now && { client: now, isChanged: true };
  });
  if (judged) await finishConsentSweep(runtime, { tenantId: tenant.id, clientId });
  return judged;
}
