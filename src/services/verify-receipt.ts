import { type ReceiptClaims, readReceipt } from '../domain/consent-receipt.ts';
import { isSignedBy, type PublicJwk, publicKeyOf, thumbprintOf } from '../platform/derived-signing-key.ts';

/** What a receipt is worth. */
export type VerifiedReceipt = { ok: true; claims: ReceiptClaims } | { ok: false; problem: 'no-receipt' | 'unknown-key' | 'changed' };

/** Whether a receipt was signed by one of these keys, and says still what it said then. Whether its consent is in force is another question. */
export function verifyReceipt(jws: string, keys: readonly PublicJwk[]): VerifiedReceipt {
  const read = readReceipt(jws);
  if (!read) return { ok: false, problem: 'no-receipt' };
  const key = keys.find((one) => thumbprintOf(one) === read.kid);
  if (!key) return { ok: false, problem: 'unknown-key' };
  return isSignedBy(jws, publicKeyOf(key)) ? { ok: true, claims: read.claims } : { ok: false, problem: 'changed' };
}
