/** Seals: what is said, and signed, about a run of audit events. Each names the one before it, so that all of them are one chain. */

/** The `typ` of a seal's JWS. */
export const sealType = 'toolgrant-audit-seal+jwt';

type Place = [tx: number, at: string, id: string];

/** What a seal says: the payload of its JWS. */
export interface SealStatement {
  tenant: string;
  /** Of this seal, from 1 on, without a gap. */
  seal: number;
  /** SHA-256 (base64url) of the JWS of the seal before it; null for the first, and where a chain had to begin anew. */
  previous: string | null;
  /** The month of its events (`2026-11`), which go together in the end; null where it has none. */
  month: string | null;
  /** The number of its first event; events are numbered from 1 on, over all seals. */
  first: number;
  /** How many events it seals. */
  events: number;
  /** SHA-256 (base64url) over the SHA-256 digests of its events' lines, one after another. */
  digest: string;
  /**
   * The stretch in the order of all events (transaction, instant, id) of which it seals those of its tenant and month: after the
   * first place, up to the second. Seals of one stretch are told apart by their months; else each begins where the one before it ends.
   */
  after: Place;
  until: Place;
  sealedAt: string;
}

/** A seal as it is kept: what was signed, and the digests of its events' lines, so that a place can be named where something is wrong. */
export interface AuditSeal {
  jws: string;
  /** 32 bytes for each event, in their order. */
  digests: Uint8Array;
}

/** Reads what a seal says, and which key it names; whether that signed it is for others to find out. Undefined for what is no seal. */
export function readSeal(jws: string): { statement: SealStatement; kid: string } | undefined {
  const parts = jws.split('.');
  if (parts.length !== 3) return undefined;
  const [header, statement] = parts.slice(0, 2).map(decode);
  if (header?.['typ'] !== sealType || typeof header['kid'] !== 'string' || !isStatement(statement)) return undefined;
  return { statement, kid: header['kid'] };
}

function decode(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isStatement(value: unknown): value is SealStatement {
  const { tenant, seal, previous, month, first, events, digest, after, until, sealedAt } = (value ?? {}) as Record<string, unknown>;
  return (
    [tenant, digest, sealedAt].every((one) => typeof one === 'string') &&
    [seal, first, events].every((one) => Number.isSafeInteger(one) && Number(one) >= 0) &&
    [previous, month].every((one) => one === null || typeof one === 'string') &&
    [after, until].every((one) => Array.isArray(one) && one.length === 3)
  );
}
