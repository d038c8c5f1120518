import { createHmac } from 'node:crypto';
import type { Vault } from '../platform/vault.ts';

/**
 * The refresh tokens that may follow a presented one. The successor is derived, so that a repeat within the grace window gets
 * the same one without its being stored: HMAC-SHA256 over the presented token, under a key that is not in the database.
 */
export interface RefreshSuccessors {
  /** The one to hand out now. */
  next(token: string): string;
  /** All that may have been handed out: one per secret that is still accepted, newest first. */
  possible(token: string): string[];
}

/** Makes the derivation of one tenant. */
export function createRefreshSuccessors(vault: Vault, tenantId: string): RefreshSuccessors {
  const purpose = `refresh successor ${tenantId}`;
  const derive = (key: Buffer, token: string) => createHmac('sha256', key).update(token).digest('base64url');
  return {
    next: (token) => derive(vault.deriveKey(purpose), token),
    possible: (token) => vault.deriveKeys(purpose).map((key) => derive(key, token)),
  };
}
