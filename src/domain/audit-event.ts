/** Audit events: the closed list of what is recorded when something is decided or done. */
import type { ClientId, ConsentId, InstallationId, ServerId, UserId } from './ids.ts';

/** Every event type; the list is documented in docs/audit.md. */
const auditEventTypes = [
  'user.created',
  'user.signed-in',
  'user.sign-in-failed',
  'user.signed-out',
  'user.password-changed',
  'user.disabled',
  'user.enabled',
  'link.issued',
  'link.redeemed',
  'server.added',
  'server.removed',
  'server.catalogue-changed',
  'server.tool-risk-set',
  'server.credential-rotated',
  'server.library-announced',
  'client.registered',
  'client.updated',
  'client.removed',
  'client.secret-rotated',
  'initial-token.created',
  'initial-token.revoked',
  'client.verified',
  'client.unverified',
  'client.quarantined',
  'client.blocked',
  'client.unblocked',
  'consent.given',
  'consent.changed',
  'consent.denied',
  'consent.ended',
  'token.issued',
  'token.refresh-reused',
  'token.code-replayed',
  'token.revoked',
  'key.created',
  'key.rotated',
  'key.retired',
  'tenant.created',
  'tenant.settings-changed',
] as const;

/** One of the documented event types. */
export type AuditEventType = (typeof auditEventTypes)[number];

/** What happened, as the use case knows it; the store adds id and instant. */
export interface AuditEvent {
  type: AuditEventType;
  outcome: 'success' | 'failure' | 'denied';
  actorType: 'user' | 'client' | 'server' | 'operator' | 'issuer';
  actorId?: string;
  userId?: UserId;
  clientId?: ClientId;
  serverId?: ServerId;
  consentId?: ConsentId;
  consentVersion?: number;
  installationId?: InstallationId;
  address?: string;
  requestId?: string;
  /** Facts that no column holds. Never a secret, a token, a code, or a password. */
  detail?: Readonly<Record<string, unknown>>;
}
