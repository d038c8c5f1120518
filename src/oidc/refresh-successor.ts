import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
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
  // Key objects, made once: a key of bytes is made into one at each use, which costs several times what the HMAC does.
  const newest = createSecretKey(vault.deriveKey(purpose));
  const all = vault.deriveKeys(purpose).map((key) => createSecretKey(key));
  const derive = (key: KeyObject, token: string) => createHmac('sha256', key).update(token).digest('base64url');
  return {
    next: (token) => derive(newest, token),
    possible: (token) => all.map((key) => derive(key, token)),
  };
}
