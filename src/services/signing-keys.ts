import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { type KeyPlan, type KeyRequest, type KeyTerms, planKeyLife } from '../domain/key-life.ts';
import { randomToken } from '../platform/random.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { type Database, transact } from '../store/client.ts';
import {
  changeSigningKey,
  createSigningKey,
  listSigningKeys,
  type SigningKeyState,
  type SigningKeyStep,
  type StoredSigningKey,
} from '../store/signing-keys.ts';
import { lockTenant } from '../store/tenants.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';
import { sealPurposes } from './seal-purposes.ts';

/** A signing key, opened. */
export interface SigningKey {
  kid: string;
  algorithm: string;
  state: SigningKeyState;
  publicJwk: JWK;
  privateJwk: JWK;
}

/** The keys of a tenant: one signs, all are published. */
export interface SigningKeySet {
  current: SigningKey;
  keys: readonly SigningKey[];
  /** Changes whenever a key comes, goes, or goes on to another state. */
  version: string;
}

/** Readers may keep the published keys for five minutes; twice that leaves room for clocks that differ. */
const publishedAheadSeconds = 600;

/** Longest that anything but a token counts: a status list, for resource servers that cannot fetch. */
const statusListLifeSeconds = 300;

/** For clocks that differ, at the end of a key's life. */
const slackSeconds = 300;

/** The stages of the keys' lives in this process. */
function keyTerms({ lifetimes }: Runtime): KeyTerms {
  return {
    rotationMs: lifetimes.keyRotationSeconds * 1_000,
    aheadMs: publishedAheadSeconds * 1_000,
    afterMs: (Math.max(lifetimes.accessTokenSeconds, statusListLifeSeconds) + slackSeconds) * 1_000,
  };
}

/**
 * Returns the tenant's signing keys as they are stored now. Where there is none yet, makes the first (ES256) and the one that
 * waits behind it; of two issuers that start together, one makes them. Throws `CannotDecrypt` when a key cannot be opened: an
 * issuer that cannot sign, or could not after the next change of keys, must not start (ABUSE-55).
 */
export async function ensureSigningKeys(runtime: Runtime, tenant: Tenant): Promise<SigningKeySet> {
  const stored = await listSigningKeys(runtime.store, tenant.id);
  const isComplete = (['current', 'next'] as const).every((wanted) => stored.some(({ state }) => state === wanted));
  return openKeys(runtime, tenant, isComplete ? stored : await advanceKeys(runtime, tenant, { origin: { actorType: 'issuer' } }));
}

function openKeys(runtime: Runtime, tenant: Tenant, stored: readonly StoredSigningKey[]): SigningKeySet {
  const keys = stored.map((key) => openKey(runtime, tenant, key));
  const current = keys.find(({ state }) => state === 'current');
  if (!current) throw new Error(`tenant ${tenant.slug} has no current signing key`);
  return { current, keys, version: keys.map(({ kid, state }) => `${kid} ${state}`).join() };
}

/**
 * Lets the tenant's keys go on as far as they are due, or as an operator asks; of several instances, one does. Returns the keys
 * that are published afterwards. What changes is in force on all instances within a second, because each looks that often.
 */
export async function advanceKeys(
  runtime: Runtime,
  tenant: Pick<Tenant, 'id'>,
  { origin, request }: { origin: Origin; request?: KeyRequest },
): Promise<StoredSigningKey[]> {
  return transact(runtime.store, async (db) => {
    await lockTenant(db, tenant.id);
    const now = runtime.clock.now();
    const plan = planKeyLife(await listSigningKeys(db, tenant.id), keyTerms(runtime), { now, ...(request && { request }) });
    await carryOut(runtime, db, { tenant, plan, now, origin, isWithdrawal: request === 'withdraw' });
    return listSigningKeys(db, tenant.id);
  });
}

async function carryOut(
  runtime: Runtime,
  db: Database,
  {
    tenant,
    plan,
    now,
    origin,
    isWithdrawal,
  }: { tenant: Pick<Tenant, 'id'>; plan: KeyPlan; now: Date; origin: Origin; isWithdrawal: boolean },
): Promise<void> {
  const { change, makeNext, reschedule } = plan;
  const step = (kid: string, to: SigningKeyStep) => changeSigningKey(db, tenant.id, kid, to);
  const record = (type: 'key.created' | 'key.rotated' | 'key.retired', detail: Record<string, unknown>) =>
    recordAuditEvent(db, tenant.id, { ...origin, type, outcome: 'success', at: now, detail });
  const make = async (life: Pick<StoredSigningKey, 'state' | 'signsFrom' | 'changesAt'>) => {
    const key = await makeKey(runtime, tenant, { ...life, createdAt: now });
    await createSigningKey(db, tenant.id, key);
    await record('key.created', { kid: key.kid, algorithm: key.algorithm });
    return key.kid;
  };
  if (change) {
    const { previous, publishedUntil } = change;
    if (previous !== undefined && publishedUntil) await step(previous, { state: 'retiring', signsUntil: now, changesAt: publishedUntil });
    if (change.successor !== undefined) await step(change.successor, { state: 'current', signsFrom: now, changesAt: null });
    const kid = change.successor ?? (await make({ state: 'current', signsFrom: now }));
    if (previous !== undefined) await record('key.rotated', { kid, previousKid: previous });
  }
  for (const kid of plan.retire) {
    const wasSigning = kid === change?.previous;
    await step(kid, { state: 'retired', sealedPrivateJwk: null, changesAt: null, retiredAt: now, ...(wasSigning && { signsUntil: now }) });
    await record('key.retired', { kid, reason: isWithdrawal && wasSigning ? 'withdrawn' : 'expired' });
  }
  if (reschedule) await step(reschedule.kid, { changesAt: reschedule.changesAt });
  if (makeNext) await make({ state: 'next', changesAt: makeNext.changesAt });
}

async function makeKey(
  runtime: Runtime,
  tenant: Pick<Tenant, 'id'>,
  life: Pick<StoredSigningKey, 'state' | 'createdAt' | 'signsFrom' | 'changesAt'>,
): Promise<StoredSigningKey> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const kid = randomToken(12);
  const named = { kid, alg: 'ES256', use: 'sig' };
  const privateJwk = JSON.stringify({ ...(await exportJWK(privateKey)), ...named });
  return {
    ...life,
    kid,
    algorithm: 'ES256',
    publicJwk: { ...(await exportJWK(publicKey)), ...named },
    sealedPrivateJwk: runtime.vault.seal(privateJwk, { purpose: sealPurposes.signingKey, tenantId: tenant.id }),
  };
}

function openKey(runtime: Runtime, tenant: Tenant, stored: StoredSigningKey): SigningKey {
  const { kid, algorithm, state, publicJwk, sealedPrivateJwk } = stored;
  if (sealedPrivateJwk === undefined) throw new Error(`the signing key ${kid} of tenant ${tenant.slug} has no private half`);
  const privateJwk = JSON.parse(runtime.vault.open(sealedPrivateJwk, { purpose: sealPurposes.signingKey, tenantId: tenant.id })) as JWK;
  return { kid, algorithm, state, publicJwk, privateJwk };
}
