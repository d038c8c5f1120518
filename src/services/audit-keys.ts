/**
 * The keys that sign a tenant's seals and receipts. They follow from TOOLGRANT_SECRET and the tenant, are kept nowhere, and do not
 * rotate with the keys of tokens. Their public halves are kept for ever, so that what they signed can be verified when the secret is
 * another one; each new key vouches for those before it, because of a row alone nobody knows who wrote it.
 */
import { LRUCache } from 'lru-cache';
import type { TenantId } from '../domain/ids.ts';
import {
  type DerivedSigningKey,
  deriveSigningKey,
  isSignedBy,
  type PublicJwk,
  publicKeyOf,
  thumbprintOf,
} from '../platform/derived-signing-key.ts';
import type { Vault } from '../platform/vault.ts';
import { keepAuditKey, listAuditKeys, type StoredAuditKey } from '../store/audit-keys.ts';
import type { Database } from '../store/client.ts';
import type { Runtime } from './runtime.ts';

export type { PublicJwk } from '../platform/derived-signing-key.ts';

/** The present key, and those of previous secrets that are given. */
type AuditKeys = [DerivedSigningKey, ...DerivedSigningKey[]];

/** A key that can be trusted to be of this installation. */
export interface TrustedAuditKey {
  kid: string;
  publicJwk: PublicJwk;
}

const voucherType = 'toolgrant-audit-keys+jwt';

/** The keys that follow from the secrets at hand, newest first. */
export function auditKeysOf(vault: Vault, tenantId: TenantId): AuditKeys {
  const ofVault = made.get(vault) ?? new LRUCache({ max: maxKept });
  made.set(vault, ofVault);
  const known = ofVault.get(tenantId);
  if (known) return known;
  const [one, other] = [vault.deriveKeys(`audit-key-1 ${tenantId}`), vault.deriveKeys(`audit-key-2 ${tenantId}`)];
  const [newest, ...older] = one.map((half, index) => deriveSigningKey(Buffer.concat([half, other[index] ?? half])));
  if (!newest) throw new Error('a vault without a secret');
  const keys: AuditKeys = [newest, ...older];
  ofVault.set(tenantId, keys);
  return keys;
}

const maxKept = 1_000;
const made = new WeakMap<Vault, LRUCache<TenantId, AuditKeys>>();

/** The key to sign with; it is kept before anything that it signed is. */
export async function obtainAuditKey(
  { vault, clock }: Pick<Runtime, 'vault' | 'clock'>,
  db: Database,
  tenantId: TenantId,
): Promise<DerivedSigningKey> {
  const [key] = auditKeysOf(vault, tenantId);
  if (kept.has(key)) return key;
  const stored = await listAuditKeys(db, tenantId);
  if (stored.some(({ kid }) => kid === key.kid)) {
    // It was committed: no transaction of ours can take it back.
    kept.add(key);
    return key;
  }
  const before = trustedAmong(vault, tenantId, stored).filter(({ kid }) => kid !== key.kid);
  const kids = before.map(({ kid }) => kid);
  // Also of previous secrets that signed nothing here yet: no harm in that.
  const voucher = kids.length > 0 && { vouchesFor: key.signJws({ tenant: tenantId, kids }, voucherType) };
  await keepAuditKey(db, { tenantId, kid: key.kid, publicJwk: key.publicJwk, createdAt: clock.now(), ...voucher });
  return key;
}

const kept = new WeakSet<DerivedSigningKey>();

/** All keys whose signatures count, newest first: ours, and those that they vouch for. */
export async function listTrustedAuditKeys(
  { store, vault }: Pick<Runtime, 'store' | 'vault'>,
  tenantId: TenantId,
): Promise<TrustedAuditKey[]> {
  return trustedAmong(vault, tenantId, await listAuditKeys(store, tenantId));
}

function trustedAmong(vault: Vault, tenantId: TenantId, stored: readonly StoredAuditKey[]): TrustedAuditKey[] {
  const own = auditKeysOf(vault, tenantId).map(({ kid, publicJwk }) => ({ kid, publicJwk }));
  const vouched = own.flatMap((key) => vouchedFor(key, tenantId, stored.find(({ kid }) => kid === key.kid)?.vouchesFor));
  const older = stored.filter(({ kid, publicJwk }) => vouched.includes(kid) && thumbprintOf(publicJwk) === kid).reverse();
  return [...own, ...older.filter(({ kid }) => own.every((key) => key.kid !== kid))].map(({ kid, publicJwk }) => ({ kid, publicJwk }));
}

function vouchedFor({ publicJwk }: TrustedAuditKey, tenantId: TenantId, jws: string | undefined): string[] {
  if (jws === undefined || !isSignedBy(jws, publicKeyOf(publicJwk))) return [];
  const [header, payload] = jws.split('.', 2).map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()));
  return header.typ === voucherType && payload.tenant === tenantId ? payload.kids : [];
}

/** Whether something is the public half of such a key. */
export function isPublicJwk(value: unknown): value is PublicJwk {
  const { kty, crv, x, y } = (value ?? {}) as Record<string, unknown>;
  return kty === 'EC' && crv === 'P-256' && typeof x === 'string' && typeof y === 'string';
}
