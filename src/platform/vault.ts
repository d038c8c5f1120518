import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** What a sealed text belongs to. It opens for the same purpose and tenant only. */
export interface SealContext {
  /** What kind of secret it is, e.g. `signing-key`. */
  purpose: string;
  /** Left out for what belongs to the installation as a whole. */
  tenantId?: string;
}

/** Encryption at rest under `TOOLGRANT_SECRET`: AES-256-GCM, one key per purpose. */
export interface Vault {
  /** Encrypts for storage; the same text gives another envelope each time. */
  seal(text: string, context: SealContext): string;
  /** Decrypts an envelope, sealed under the current secret or a previous one. Throws `CannotDecrypt`. */
  open(envelope: string, context: SealContext): string;
  /** Whether an envelope should be sealed anew, because a previous secret made it. */
  needsReseal(envelope: string): boolean;
  /** Throws `CannotDecrypt` when none of the secrets given made an envelope; decrypts nothing. */
  requireKnown(envelope: string): void;
  /** 32 bytes for a use of one's own (an HMAC, say), from the current secret. */
  deriveKey(purpose: string): Buffer;
  /** The same from all secrets, newest first: sign with the first, accept all. */
  deriveKeys(purpose: string): Buffer[];
}

/** An envelope does not open: it was changed, belongs elsewhere, or its secret is not among those given. */
export class CannotDecrypt extends Error {
  override readonly name = 'CannotDecrypt';
}

/** The secrets a vault works with. */
export interface VaultSecrets {
  current: string;
  /** Still opened with, never sealed with; newest first. */
  previous?: readonly string[];
}

const version = 'v1';
const ivBytes = 12;
const tagBytes = 16;

/** Makes a vault. Envelopes read `v1.<key>.<bytes>`, where `key` tells which secret made it and nothing about it. */
export function createVault(secrets: VaultSecrets): Vault {
  const rings = [secrets.current, ...(secrets.previous ?? [])].map(createKeyRing);
  const newest = rings[0] as KeyRing;
  const ringOf = (name: string) => {
    const ring = rings.find((candidate) => candidate.name === name);
    if (ring) return ring;
    throw new CannotDecrypt('Something sealed was made with another secret: set TOOLGRANT_SECRET or TOOLGRANT_SECRET_PREVIOUS to it.');
  };
  return {
    seal: (text, context) => {
      const iv = randomBytes(ivBytes);
      const cipher = createCipheriv('aes-256-gcm', newest.key(`seal ${context.purpose}`), iv).setAAD(bindingOf(context));
      const bytes = Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return `${version}.${newest.name}.${bytes.toString('base64url')}`;
    },
    open: (envelope, context) => {
      const [format, name, body, ...rest] = envelope.split('.');
      if (format !== version || !name || !body || rest.length > 0)
        throw new CannotDecrypt(`A sealed ${context.purpose} has an unknown format.`);
      return decrypt(Buffer.from(body, 'base64url'), ringOf(name), context);
    },
    requireKnown: (envelope) => {
      ringOf(envelope.split('.')[1] ?? '');
    },
    needsReseal: (envelope) => envelope.split('.')[1] !== newest.name,
    deriveKey: (purpose) => newest.key(`derive ${purpose}`),
    deriveKeys: (purpose) => rings.map((ring) => ring.key(`derive ${purpose}`)),
  };
}

interface KeyRing {
  name: string;
  key(info: string): Buffer;
}

/** Keys are derived once: the purposes are those named in the code, so there are few. */
function createKeyRing(secret: string): KeyRing {
  const keys = new Map<string, Buffer>();
  const key = (info: string) => {
    const known = keys.get(info) ?? Buffer.from(hkdfSync('sha256', secret, 'toolgrant', info, 32));
    keys.set(info, known);
    return known;
  };
  return { name: key('name').subarray(0, 6).toString('base64url'), key };
}

function decrypt(bytes: Buffer, ring: KeyRing, context: SealContext): string {
  if (bytes.length < ivBytes + tagBytes) throw new CannotDecrypt(`A sealed ${context.purpose} is cut short.`);
  const [iv, tag] = [bytes.subarray(0, ivBytes), bytes.subarray(-tagBytes)];
  const decipher = createDecipheriv('aes-256-gcm', ring.key(`seal ${context.purpose}`), iv, { authTagLength: tagBytes });
  try {
    decipher.setAAD(bindingOf(context)).setAuthTag(tag);
    return Buffer.concat([decipher.update(bytes.subarray(ivBytes, -tagBytes)), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new CannotDecrypt(`A sealed ${context.purpose} was changed, or belongs to another tenant or purpose.`, { cause });
  }
}

/** JSON keeps the parts apart, whatever is in them. */
function bindingOf({ purpose, tenantId }: SealContext): Buffer {
  return Buffer.from(JSON.stringify([version, purpose, tenantId ?? null]));
}
