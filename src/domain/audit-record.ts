/** An audit event as it leaves the house: one line of JSON, always the same one, which is what seals are made over. */

/** An event as stored, in the members that a line has. What is null is left out. */
export interface AuditRecord {
  actorId?: string | null;
  actorType: string;
  address?: string | null;
  apiKeyId?: string | null;
  assurance: string;
  /** In UTC, to the millisecond: `2026-11-27T09:30:00.000Z`. */
  at: string;
  clientId?: string | null;
  consentId?: string | null;
  consentVersion?: number | null;
  detail: unknown;
  id: string;
  installationId?: string | null;
  outcome: string;
  requestId?: string | null;
  serverId?: string | null;
  tenantId: string;
  tool?: string | null;
  traceId?: string | null;
  /** The place of its transaction in the order of all. */
  tx: number;
  type: string;
  userId?: string | null;
}

/** The line of an event; what seals are made over. */
export function auditLine(record: AuditRecord): string {
  return canonicalLine(Object.fromEntries(Object.entries(record).filter(([, value]) => value !== null && value !== undefined)));
}

/**
 * Canonical JSON (RFC 8785) with everything beyond printable ASCII as `\u…`, so that no viewer is steered by it. Never throws: a line of
 * an export that somebody broke must be named, not stumbled over.
 */
export function canonicalLine(value: unknown): string {
  return jsonInOrder(value).replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function jsonInOrder(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(jsonInOrder).join(',')}]`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${entries.map(([name, member]) => `${JSON.stringify(name)}:${jsonInOrder(member)}`).join(',')}}`;
}

/** A place in the order in which events are sealed: by transaction, and within one by instant and id. */
export interface AuditPosition {
  tx: number;
  /** As in `AuditRecord`. */
  at: string;
  id: string;
}

/** As it stands in a seal. */
export function spellPosition({ tx, at, id }: AuditPosition): [tx: number, at: string, id: string] {
  return [tx, at, id];
}

/** Before the first. */
export const beforeAll: AuditPosition = { tx: -1, at: '0001-01-01T00:00:00.000Z', id: '' };

/** The month that an event is kept with: `2026-11`. */
export function monthOf({ at }: Pick<AuditRecord, 'at'>): string {
  return /^\d{4}-\d{2}/.exec(at)?.[0] ?? 'none';
}
