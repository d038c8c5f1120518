import type { Access } from './access.ts';

/** The shape in which the MCP SDKs, v1 and v2, hand authentication to handlers. */
export interface AuthInfo {
  token: string;
  clientId: string;
  scopes: string[];
  /** Seconds since the epoch. */
  expiresAt?: number;
  resource?: URL;
  resourceMetadataUrl?: string;
  extra?: Record<string, unknown>;
}

/**
 * An access in the SDKs' shape, with every tool spelled out in `scopes`. The token is in it because
 * the SDKs demand it; do not pass it on to other services.
 */
export function toAuthInfo(access: Access, token: string, resourceMetadataUrl: string): AuthInfo {
  return {
    token,
    clientId: access.clientId,
    scopes: access.expandedScopes(),
    expiresAt: Math.floor(access.expiresAt.getTime() / 1000),
    resource: new URL(access.resource),
    resourceMetadataUrl,
    extra: { access, subject: access.subject, consentId: access.consentId },
  };
}

/** The access inside an {@link AuthInfo} that {@link toAuthInfo} made, else undefined. */
export function accessOf(authInfo: { readonly extra?: Record<string, unknown> } | undefined): Access | undefined {
  return authInfo?.extra?.access as Access | undefined;
}
