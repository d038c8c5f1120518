import { hash, timingSafeEqual } from 'node:crypto';

/** SHA-256 in base64url: what is stored of an opaque token. */
export function sha256(text: string | Uint8Array): string {
  return hash('sha256', text, 'base64url');
}

/** SHA-256 in lower-case hex. */
export function sha256Hex(text: string | Uint8Array): string {
  return hash('sha256', text, 'hex');
}

/** SHA-256 as it is. */
export function sha256Bytes(text: string | Uint8Array): Buffer {
  return hash('sha256', text, 'buffer');
}

/** Whether two texts are equal, in a time that tells nothing about where they differ; their lengths may differ. */
export function isEqualConstantTime(a: string, b: string): boolean {
  const digestOf = (text: string) => hash('sha256', text, 'buffer');
  return timingSafeEqual(digestOf(a), digestOf(b));
}
