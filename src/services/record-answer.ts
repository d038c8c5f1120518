import type { Ceiling } from '../domain/ceiling.ts';
import { areEmpty, areEqual } from '../domain/consent.ts';
import { type ConsentAnswer, settleAnswer } from '../domain/consent-answer.ts';
import { type Failure, fail, type Outcome, succeed } from '../domain/failures.ts';
import type { ConsentId, TenantId } from '../domain/ids.ts';
import { randomToken } from '../platform/random.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { type Database, transact } from '../store/client.ts';
import { findClient } from '../store/clients.ts';
import { addConsentVersion, type ConsentParties, findNewestVersion } from '../store/consents.ts';
import { endInstallations } from '../store/installations.ts';
import { invalidateStatusOfConsent } from '../store/status.ts';
import { findUser } from '../store/users.ts';
import { composePage } from './prepare-consent.ts';
import type { Origin, Runtime } from './runtime.ts';

/** A person's answer to a page, with the digest of what that page showed. */
export interface AnsweredPage extends ConsentAnswer {
  shownDigest: string;
}

/** What a recorded decision amounts to. */
export interface RecordedConsent {
  consentId: ConsentId;
  version: number;
}

/** An answer with all that is needed to judge it. */
export interface AnswerToRecord {
  tenantId: TenantId;
  consentId: ConsentId;
  parties: ConsentParties;
  ceiling: Ceiling;
  answer: AnsweredPage;
  from: 'consent' | 'account' | 'widen';
  origin: Origin;
  now: Date;
  /** When the person last proved who she is. */
  signedInAt?: Date;
}

/**
 * Adds a version to a consent whose row the caller holds locked `for update`.
 * Nothing is allowed but what was asked for (or stood), shown, and ticked (ABUSE-38); when what the page showed is no
 * longer what stands, nothing is recorded and the person looks again.
 */
export async function recordAnswer(
  runtime: Pick<Runtime, 'store' | 'log'>,
  db: Database,
  record: AnswerToRecord,
): Promise<Outcome<RecordedConsent>> {
  const { tenantId, consentId, answer, now, signedInAt } = record;
  const page = await composePage(runtime, db, record);
  if (page.shownDigest !== answer.shownDigest) return fail({ kind: 'page-outdated' });
  const settled = settleAnswer(page, answer, { now, standing: page.standing, rules: page.rules, ...(signedInAt && { signedInAt }) });
  if (!settled.ok) return fail({ kind: 'sign-in-needed', ...settled.needsSignIn });
  const { terms } = settled;
  if (areEmpty(terms)) return fail({ kind: 'nothing-ticked' });
  const version = (await findNewestVersion(db, tenantId, consentId)) + 1;
  // Only the consent page shows how the client changed.
  const clientVersion = record.from === 'consent' ? page.clientVersion : page.standing?.clientVersion;
  const decision = { id: consentId, version, terms, salt: randomToken(16), origin: record.from, clientVersion, decidedAt: now, signedInAt };
  await addConsentVersion(db, tenantId, decision);
  if (!page.standing || page.standing.isPaused || !areEqual(page.standing, { ...terms, decidedAt: now }))
    await invalidateStatusOfConsent(db, tenantId, consentId, now);
  // A decision that begins anew is for the one who asks now: what an expired consent left behind does not come back to life with it.
  if (!page.standing) await endInstallations(db, tenantId, { consentId }, { at: now, reason: 'consent-ended' });
  const { userId, clientId, serverId } = record.parties;
  await recordAuditEvent(db, tenantId, {
    ...record.origin,
    type: page.standing ? 'consent.changed' : 'consent.given',
    outcome: 'success',
    at: now,
    userId,
    clientId,
    serverId,
    consentId,
    consentVersion: version,
    detail: {
      from: record.from,
      tools: terms.tools.map(({ name }) => name),
      resources: terms.resources,
      prompts: terms.prompts,
      expiresAt: terms.expiresAt?.toISOString() ?? null,
    },
  });
  return succeed({ consentId, version });
}

/** Why these parties can make no agreement now, if so. */
export async function problemWithParties(
  db: Database,
  tenantId: TenantId,
  parties: Pick<ConsentParties, 'userId' | 'clientId'>,
): Promise<Failure | undefined> {
  const user = await findUser(db, tenantId, parties.userId);
  if (!user) return { kind: 'unknown-user' };
  if (user.disabledAt) return { kind: 'user-disabled' };
  const client = await findClient(db, tenantId, parties.clientId);
  if (!client) return { kind: 'unknown-client' };
  return client.blockedAt ? { kind: 'client-blocked' } : undefined;
}

/** Carries a failure out of a transaction, so that nothing of it stays. */
class Rollback extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.kind);
    this.failure = failure;
  }
}

/** Runs `work` in a transaction that commits only when its outcome is a success. */
export async function transactOutcome<Value>(runtime: Runtime, work: (db: Database) => Promise<Outcome<Value>>): Promise<Outcome<Value>> {
  try {
    return await transact(runtime.store, async (db) => {
      const outcome = await work(db);
      if (!outcome.ok) throw new Rollback(outcome.failure);
      return outcome;
    });
  } catch (error) {
    if (error instanceof Rollback) return fail(error.failure);
    throw error;
  }
}
