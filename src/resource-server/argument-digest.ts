import { base64url, type CryptoKey } from 'jose';
import { canonicalJson } from './canonical-json.ts';

const KEY_LABEL = 'toolgrant call report: digest of arguments';

/** Digests a call's arguments; undefined where they cannot be written canonically. */
export type DigestArguments = (value: unknown) => Promise<string | undefined>;

/**
 * Makes the digest of arguments: HMAC-SHA-256 over their canonical JSON, base64url. Its key is derived from the server
 * credential, because arguments can be guessed: with a plain hash, whoever reads the audit trail could try all issue
 * numbers. So only the server itself can tell whether a digest is of certain arguments, and a new credential begins anew.
 */
export function createArgumentDigest(secret: string): DigestArguments {
  let key: Promise<CryptoKey> | undefined;
  return async (value) => {
    const text = canonicalJson(value);
    if (text === undefined) return undefined;
    key ??= deriveKey(secret);
    return base64url.encode(new Uint8Array(await sign(await key, text)));
  };
}

async function deriveKey(secret: string): Promise<CryptoKey> {
  const root = await importKey(new TextEncoder().encode(secret));
  return importKey(new Uint8Array(await sign(root, KEY_LABEL)));
}

function importKey(bytes: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
}

function sign(key: CryptoKey, text: string): Promise<ArrayBuffer> {
  return crypto.subtle.sign('HMAC', key, new TextEncoder().encode(text));
}
