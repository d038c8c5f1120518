/** The public keys by which a client proves who it is (RFC 7517), read from what the client says they are. */

/** A public key as a JWK: an RSA, elliptic curve or Edwards curve one, and nothing private about it. */
export interface PublicJwk {
  kty: 'RSA' | 'EC' | 'OKP';
  kid?: string;
  use?: string;
  alg?: string;
  key_ops?: readonly string[];
  n?: string;
  e?: string;
  crv?: string;
  x?: string;
  y?: string;
}

/** A key set, or what is wrong with it, in words for whoever published it. */
export type ParsedClientKeys = { ok: true; value: readonly PublicJwk[] } | { ok: false; reason: string };

/** The most keys of one client. */
export const maxClientKeys = 20;

/** Members that only a private or a symmetric key has. */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

const members = { RSA: ['n', 'e'], EC: ['crv', 'x', 'y'], OKP: ['crv', 'x'] } as const;
const isType = (type: unknown): type is PublicJwk['kty'] => typeof type === 'string' && Object.hasOwn(members, type);

/** 2,048 bits, in base64url. */
const leastModulusCharacters = 342;

/**
 * Reads a JWK set. Keys of types that mean nothing here are left out, members too; a private or symmetric key is refused with the
 * whole set: it has been published, and whoever did that should know (ABUSE-15).
 */
export function parseClientKeys(json: unknown): ParsedClientKeys {
  const keys = isRecord(json) ? json['keys'] : undefined;
  if (!Array.isArray(keys)) return { ok: false, reason: 'a key set must be an object with an array "keys"' };
  if (keys.length > maxClientKeys) return { ok: false, reason: `a key set must have at most ${maxClientKeys} keys` };
  const value: PublicJwk[] = [];
  for (const key of keys) {
    if (!isRecord(key)) return { ok: false, reason: 'each key must be an object' };
    if (isSecret(key)) {
      return { ok: false, reason: 'a key set must have public keys only: this one has a private or a symmetric key' };
    }
    if (!isType(key['kty'])) continue;
    const read = readKey(key, key['kty']);
    if (typeof read === 'string') return { ok: false, reason: read };
    value.push(read);
  }
  if (value.length === 0) return { ok: false, reason: 'a key set must have at least one RSA, EC or OKP key' };
  return { ok: true, value };
}

/** Whether a private or symmetric key stands in a set, whatever else is wrong with it. */
export function hasSecretKey(json: unknown): boolean {
  const keys = isRecord(json) ? json['keys'] : undefined;
  return Array.isArray(keys) && keys.some((key) => isRecord(key) && isSecret(key));
}

function isSecret(key: Record<string, unknown>): boolean {
  return key['kty'] === 'oct' || secretMembers.some((member) => Object.hasOwn(key, member));
}

function readKey(key: Record<string, unknown>, kty: PublicJwk['kty']): PublicJwk | string {
  const read: Record<string, unknown> = { kty };
  for (const member of members[kty]) {
    const value = key[member];
    if (typeof value !== 'string' || !/^[\w-]{1,2048}$/.test(value)) return `each ${kty} key must have "${member}" as a text`;
    read[member] = value;
  }
  if (kty === 'RSA' && String(read['n']).length < leastModulusCharacters) return 'each RSA key must have at least 2048 bits';
  for (const member of ['kid', 'use', 'alg']) {
    const value = key[member];
    if (value === undefined) continue;
    if (typeof value !== 'string' || !/^[\x20-\x7e]{1,256}$/.test(value))
      return `"${member}" of a key must be a text of at most 256 characters`;
    read[member] = value;
  }
  const { key_ops: uses } = key;
  if (Array.isArray(uses) && uses.every((use) => typeof use === 'string')) read['key_ops'] = uses;
  return read as unknown as PublicJwk;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
