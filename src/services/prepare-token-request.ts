import { earlierEnd } from '../domain/decision.ts';
import type { NewArtifact } from '../store/artifacts.ts';
import { findTokenRequestFacts, type TokenRequestFacts } from '../store/hot/token-request.ts';
import { settleTokenRequest } from '../store/hot/token-settlement.ts';
import { type AccessGrant, describeIssue, minimumTokenSeconds, tokenEnd } from './issue-access.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';
import { findTokenTerms } from './token-terms.ts';

/** A token request that goes the short way: everything was read in one statement and decided, and nothing is written yet. */
export interface PreparedTokenRequest {
  facts: TokenRequestFacts;
  access: AccessGrant;
  /** The index that the token carries, when the installation takes a new one by it. */
  newStatus?: { list: number; index: number };
}

/** A refresh token to be issued, as it is kept. */
export type Successor = NewArtifact;

/**
 * Prepares the answer to a request that presents a code or refresh token. Undefined for whatever is not plain: unknown or used
 * before, something ended, disabled or blocked, a selection too large to list. That goes the long way, which says why.
 */
export async function prepareTokenRequest(
  runtime: Runtime,
  tenant: Tenant,
  presented: { model: 'AuthorizationCode' | 'RefreshToken'; digest: string },
): Promise<PreparedTokenRequest | undefined> {
  const facts = await findTokenRequestFacts(runtime.store, tenant.id, presented);
  if (!facts) return undefined;
  const { consent, installation } = facts;
  const now = runtime.clock.now();
  if (consent.expiresAt && consent.expiresAt.getTime() - minimumTokenSeconds * 1_000 <= now.getTime()) return undefined;
  const terms = await findTokenTerms(runtime, tenant, facts);
  if (!terms) return undefined;
  const newStatus = installation.status ? undefined : installation.freeStatus;
  const status = installation.status ?? newStatus;
  if (!status) return undefined;
  const access: AccessGrant = {
    scope: terms.scope,
    consentId: consent.id,
    installationId: installation.id,
    status: { idx: status.index, uri: `${tenant.issuer}/status/${status.list}` },
    expiresAt: tokenEnd(runtime, { now, consentEnd: earlierEnd(consent.expiresAt, terms.endsAt) }),
    issued: { tools: terms.tools, leftOut: terms.leftOut },
  };
  return { facts, access, ...(newStatus && { newStatus }) };
}

/**
 * Writes all that a prepared request changes, in one commit. False: nothing was written, because what was presented was used, or
 * what was read does not stand any more; the request then goes the long way.
 */
export async function settlePreparedRequest(
  runtime: Runtime,
  tenant: Tenant,
  { prepared, successor, origin }: { prepared: PreparedTokenRequest; successor?: Successor; origin: Origin },
): Promise<boolean> {
  const { facts, newStatus, access } = prepared;
  return settleTokenRequest(runtime.store, tenant.id, {
    facts,
    ...(successor && { successor }),
    ...(newStatus && { newStatus }),
    event: { ...origin, detail: describeIssue(access.issued) },
    at: runtime.clock.now(),
  });
}
