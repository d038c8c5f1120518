/** How a file that an audit trail is appended to is known: as an export, it begins with a public key, and each run of events ends with its seal. */
import { canonicalLine } from './audit-record.ts';

const keyStart = canonicalLine({ key: { crv: 'P-256', kty: 'EC' } }).slice(0, -2);
const sealStart = '{"digests":';

/** Whether a file that begins so may be one; what was cut off in its first line is, too. */
export function isAuditFile(start: string): boolean {
  return start.startsWith(keyStart) || keyStart.startsWith(start);
}

/** Whether everything up to this line is whole. */
export function isWholeUpTo(line: string): boolean {
  return line.startsWith(sealStart) || line.startsWith(keyStart);
}
