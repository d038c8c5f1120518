import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { randomToken } from '../platform/random.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { type Database, transact } from '../store/client.ts';
import { createSigningKey, listSigningKeys, type SigningKeyState, type StoredSigningKey } from '../store/signing-keys.ts';
import { lockTenant } from '../store/tenants.ts';
import type { Runtime, Tenant } from './runtime.ts';

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
}

/** What a sealed key is bound to, so that no other secret can be put in its place. */
const sealPurpose = 'signing-key';

/**
 * Returns the tenant's signing keys, and makes the first one (ES256) where there is none; of two issuers that start
 * together, one makes it. Throws when a key cannot be opened: an issuer that cannot sign must not start (ABUSE-55).
 */
export async function ensureSigningKeys(runtime: Runtime, tenant: Tenant): Promise<SigningKeySet> {
  const stored = await listSigningKeys(runtime.store, tenant.id);
  const keys = stored.some(({ state }) => state === 'current')
    ? stored
    : await transact(runtime.store, (db) => createFirstKey(runtime, db, tenant));
  const opened = keys.map((key) => openKey(runtime, tenant, key));
  const current = opened.find(({ state }) => state === 'current');
  if (!current) throw new Error(`tenant ${tenant.slug} has no current signing key`);
  return { current, keys: opened };
}

async function createFirstKey(runtime: Runtime, db: Database, tenant: Tenant): Promise<StoredSigningKey[]> {
  await lockTenant(db, tenant.id);
  const stored = await listSigningKeys(db, tenant.id);
  if (stored.some(({ state }) => state === 'current')) return stored;
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const kid = randomToken(12);
  const now = runtime.clock.now();
  const named = { kid, alg: 'ES256', use: 'sig' };
  const key: StoredSigningKey = {
    kid,
    algorithm: 'ES256',
    state: 'current',
    publicJwk: { ...(await exportJWK(publicKey)), ...named },
    sealedPrivateJwk: runtime.vault.seal(JSON.stringify({ ...(await exportJWK(privateKey)), ...named }), {
      purpose: sealPurpose,
      tenantId: tenant.id,
    }),
    createdAt: now,
  };
  await createSigningKey(db, tenant.id, key);
  await recordAuditEvent(db, tenant.id, {
    type: 'key.created',
    outcome: 'success',
    actorType: 'issuer',
    at: now,
    detail: { kid, algorithm: 'ES256' },
  });
  return [...stored, key];
}

function openKey(runtime: Runtime, tenant: Tenant, stored: StoredSigningKey): SigningKey {
  const { kid, algorithm, state, publicJwk } = stored;
  const privateJwk = JSON.parse(runtime.vault.open(stored.sealedPrivateJwk, { purpose: sealPurpose, tenantId: tenant.id })) as JWK;
  return { kid, algorithm, state, publicJwk, privateJwk };
}
