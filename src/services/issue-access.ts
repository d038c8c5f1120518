import { type EffectiveTools, effectiveTools } from '../domain/effective-tools.ts';
import { type Failure, fail, type Outcome, succeed } from '../domain/failures.ts';
import type { ConsentId, InstallationId } from '../domain/ids.ts';
import { spellScope } from '../domain/spell-scope.ts';
import { sha256 } from '../platform/digest.ts';
import { recordAuditEvent } from '../store/audit.ts';
import type { Database } from '../store/client.ts';
import { findClient } from '../store/clients.ts';
import { findConsent, lockConsent, type StoredConsent } from '../store/consents.ts';
import {
  assignStatusIndex,
  findInstallationOfGrant,
  type Installation,
  lockInstallation,
  touchInstallation,
} from '../store/installations.ts';
import { keepSelection } from '../store/selections.ts';
import { assignIndex } from '../store/status.ts';
import { listCatalogue } from '../store/tools.ts';
import { findUser } from '../store/users.ts';
import { findQuarantineNow } from './find-quarantine-now.ts';
import { findRulesOf } from './find-rules.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** A token lives at least this long, in seconds; what has less time left is left out (ENG-29). */
export const minimumTokenSeconds = 60;

/** What goes into an access token beside the engine's own claims. */
export interface AccessGrant {
  /** Space-separated; empty when nothing is effective. */
  scope: string;
  consentId: ConsentId;
  installationId: InstallationId;
  status: { idx: number; uri: string };
  /** SHA-256 of the selection document, when the tools are too many to list. */
  selection?: string;
  /** No later than the earliest end in the consent. */
  expiresAt: Date;
  /** How many tools it allows, and those left out, each with its reason, for the audit trail. */
  issued: { tools: number; leftOut: EffectiveTools['leftOut'] };
}

/**
 * Decides what an access token of an engine grant may carry now: the consent as it stands. Runs on the transaction of the
 * token request. Locks the consent `for share` before reading it, then the installation, so that a token with old terms
 * never gets a status index after a change has swept them.
 */
export async function issueAccess(
  runtime: Runtime,
  db: Database,
  request: { tenant: Tenant; grantId: string; origin: Origin },
): Promise<Outcome<AccessGrant>> {
  const { tenant, grantId, origin } = request;
  const found = await findInstallationOfGrant(db, tenant.id, grantId);
  if (!found) return fail({ kind: 'unknown-installation' });
  await lockConsent(db, tenant.id, found.consentId, 'share');
  await lockInstallation(db, tenant.id, found.id);
  const installation = await findInstallationOfGrant(db, tenant.id, grantId);
  const consent = await findConsent(db, tenant.id, found.consentId);
  const now = runtime.clock.now();
  const problem = await problemNow(db, tenant, { installation, consent, now });
  if (problem || !installation || !consent) return fail(problem ?? { kind: 'unknown-installation' });
  const rules = await findRulesOf(runtime, db, { ...consent, tenantId: tenant.id });
  // The client was there just before: it is the server that is being removed.
  if (!rules) return fail({ kind: 'unknown-installation' });

  const catalogue = await listCatalogue(db, tenant.id, consent.serverId);
  const quarantine = await findQuarantineNow(db, tenant.id, { clientId: consent.clientId, now });
  const effective = effectiveTools(consent, catalogue, {
    now,
    marginSeconds: minimumTokenSeconds,
    isInQuarantine: quarantine !== undefined,
    rules,
  });
  const expiresAt = tokenEnd(runtime, { now, consentEnd: effective.expiresAt });
  const { scope, document } = spellScope(effective, consent.salt);
  const selection = document === undefined ? undefined : sha256(document);
  if (selection !== undefined && document !== undefined) await keepSelection(db, tenant.id, { sha256: selection, document, expiresAt });

  const issued = { tools: effective.allowed.length, leftOut: effective.leftOut };
  const status = installation.status ?? (await takeStatusIndex(db, tenant, { installation, now }));
  await touchInstallation(db, tenant.id, installation.id, now);
  await recordAuditEvent(db, tenant.id, {
    ...origin,
    type: 'token.issued',
    outcome: 'success',
    at: now,
    userId: consent.userId,
    clientId: consent.clientId,
    serverId: consent.serverId,
    consentId: consent.id,
    consentVersion: consent.version,
    installationId: installation.id,
    detail: describeIssue(issued),
  });
  return succeed({
    scope,
    consentId: consent.id,
    installationId: installation.id,
    status: { idx: status.index, uri: `${tenant.issuer}/status/${status.list}` },
    ...(selection !== undefined && { selection }),
    expiresAt,
    issued,
  });
}

/** When a token made now ends: after its longest life, or with the consent. */
export function tokenEnd({ lifetimes }: Runtime, { now, consentEnd }: { now: Date; consentEnd: Date | undefined }): Date {
  const longest = new Date(now.getTime() + lifetimes.accessTokenSeconds * 1_000);
  return consentEnd && consentEnd < longest ? consentEnd : longest;
}

/** What the audit trail keeps: of the tools left out the first few and how many there are, because every token leaves an event. */
export function describeIssue({ tools, leftOut }: AccessGrant['issued']): Record<string, unknown> {
  const first = leftOut.slice(0, 20).map(({ name, ...why }) => ({ name: name.slice(0, 100), ...why }));
  return { tools, leftOut: { count: leftOut.length, tools: first } };
}

async function takeStatusIndex(
  db: Database,
  tenant: Tenant,
  { installation, now }: { installation: Installation; now: Date },
): Promise<{ list: number; index: number }> {
  const status = await assignIndex(db, tenant.id, installation.id, now);
  await assignStatusIndex(db, tenant.id, installation.id, status);
  return status;
}

async function problemNow(
  db: Database,
  tenant: Tenant,
  about: { installation: Installation | undefined; consent: StoredConsent | undefined; now: Date },
): Promise<Failure | undefined> {
  const { installation, consent, now } = about;
  if (!installation || !consent) return { kind: 'unknown-installation' };
  if (consent.endedAt) return { kind: 'consent-ended' };
  if (installation.endedAt) return { kind: 'installation-ended', reason: installation.endReason ?? 'unknown' };
  if (consent.expiresAt && consent.expiresAt.getTime() - minimumTokenSeconds * 1_000 <= now.getTime()) return { kind: 'consent-expired' };
  const user = await findUser(db, tenant.id, consent.userId);
  if (!user) return { kind: 'unknown-user' };
  if (user.disabledAt) return { kind: 'user-disabled' };
  const client = await findClient(db, tenant.id, consent.clientId);
  if (!client) return { kind: 'unknown-client' };
  return client.blockedAt ? { kind: 'client-blocked' } : undefined;
}
