/**
 * Services: one file per use case, named by its verb. A service reads through the store, decides with the domain's pure rules,
 * writes through the store in one transaction, and records the audit event in that same transaction.
 * Services know nothing of HTTP or of the protocol engine; `oidc`, `http` and `cli` call them.
 */
import type { TenantId } from '../domain/ids.ts';
import type { TenantSettings } from '../domain/tenant-settings.ts';
import type { Clock } from '../platform/clock.ts';
import type { GuardedFetch } from '../platform/guarded-fetch.ts';
import type { Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { PasswordHasher } from '../platform/passwords.ts';
import type { Tracing } from '../platform/tracing.ts';
import type { Vault } from '../platform/vault.ts';
import type { Store } from '../store/client.ts';

/** How long things live; all in seconds. */
export interface Lifetimes {
  accessTokenSeconds: number;
  /** Of a refresh-token family, from its first token. */
  refreshTokenSeconds: number;
  /** Of one refresh token, from when it was issued. */
  refreshTokenIdleSeconds: number;
  refreshGraceSeconds: number;
  authorizationCodeSeconds: number;
  interactionSeconds: number;
  /** From sign-in, however busy the session is. */
  sessionSeconds: number;
  /** Without any use. */
  sessionIdleSeconds: number;
  statusListAgeSeconds: number;
  /** From when a signing key begins to sign until the next one does. */
  keyRotationSeconds: number;
  /** From one reading of a server's tools to the next, give or take a tenth. */
  catalogueSeconds: number;
}

/** What every service works with; made once, in `compose.ts`. */
export interface Runtime {
  store: Store;
  clock: Clock;
  vault: Vault;
  passwords: PasswordHasher;
  log: Logger;
  metrics: Metrics;
  tracing: Tracing;
  lifetimes: Lifetimes;
  /** The way out to URLs that strangers gave us: public addresses only. */
  strangers: GuardedFetch;
}

/** The tenant a request belongs to. `issuer` is its URL without a trailing slash. */
export interface Tenant {
  id: TenantId;
  slug: string;
  issuer: string;
  name: string;
  /** As they stood when this was read; a request's tenant is at most a second old. */
  settings: TenantSettings;
}

/** Who caused what a service does, for the audit trail. */
export interface Origin {
  actorType: 'user' | 'client' | 'server' | 'operator' | 'issuer';
  actorId?: string;
  /** The address the request came from. */
  address?: string;
  requestId?: string;
  /** The trace that the request belongs to. */
  traceId?: string;
}
