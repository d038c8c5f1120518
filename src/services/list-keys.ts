import { listSigningKeys, type SigningKeyState } from '../store/signing-keys.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** A signing key as administrators see it: without its private part. */
export interface KeyOverview {
  kid: string;
  algorithm: string;
  state: SigningKeyState;
  createdAt: Date;
}

/** Lists a tenant's signing keys, in the order they are stored; opens none of them. */
export async function listKeys(runtime: Runtime, tenant: Tenant): Promise<KeyOverview[]> {
  const keys = await listSigningKeys(runtime.store, tenant.id);
  return keys.map(({ kid, algorithm, state, createdAt }) => ({ kid, algorithm, state, createdAt }));
}
