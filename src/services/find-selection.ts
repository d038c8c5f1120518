import { findSelection as findStoredSelection } from '../store/selections.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** Finds a selection document that a living token may name, as the exact text that its SHA-256 was taken of. */
export async function findSelection(runtime: Runtime, tenant: Tenant, sha256: string): Promise<string | undefined> {
  return findStoredSelection(runtime.store, tenant.id, sha256, runtime.clock.now());
}
