import { listAllSigningKeys, type SigningKeyState, type StoredSigningKey } from '../store/signing-keys.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** A signing key as administrators see it: without its private part. */
export interface KeyOverview {
  kid: string;
  algorithm: string;
  state: SigningKeyState;
  /** Published from then on. */
  createdAt: Date;
  signsFrom?: Date;
  signsUntil?: Date;
  /** When a waiting key takes over, or a retiring one is withdrawn. */
  changesAt?: Date;
  retiredAt?: Date;
}

/** Lists all keys a tenant ever had, oldest first; opens none of them. */
export async function listKeys(runtime: Runtime, tenant: Tenant): Promise<KeyOverview[]> {
  return describeKeys(await listAllSigningKeys(runtime.store, tenant.id));
}

/** Leaves the keys themselves out. */
export function describeKeys(keys: readonly StoredSigningKey[]): KeyOverview[] {
  const overviews = keys.map(({ sealedPrivateJwk: _, publicJwk: __, ...overview }) => overview);
  // Keys that were made in one moment stand in the order of their lives.
  return overviews.sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || order.indexOf(a.state) - order.indexOf(b.state));
}

const order: readonly SigningKeyState[] = ['retired', 'retiring', 'current', 'next'];
