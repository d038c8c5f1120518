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

/** What {@link toAuthInfo} is given beside the token. */
export interface AuthInfoContext {
  readonly resourceMetadataUrl: string;
  /** See {@link isReported}. */
  readonly isReported: boolean;
}

/**
 * An access in the SDKs' shape, with every tool spelled out in `scopes`. The token is in it because
 * the SDKs demand it; do not pass it on to other services.
 */
export function toAuthInfo(access: Access, token: string, context: AuthInfoContext): AuthInfo {
  const { resourceMetadataUrl, isReported } = context;
  return {
    token,
    clientId: access.clientId,
    scopes: access.expandedScopes(),
    expiresAt: Math.floor(access.expiresAt.getTime() / 1000),
    resource: new URL(access.resource),
    resourceMetadataUrl,
    extra: { access, subject: access.subject, consentId: access.consentId, isReported },
  };
}

/** Whether a door reports this request's calls, so that nobody behind it has to. */
export function isReported(authInfo: { readonly extra?: Record<string, unknown> } | undefined): boolean {
  return authInfo?.extra?.isReported === true;
}

/** The access inside an {@link AuthInfo} that {@link toAuthInfo} made, else undefined. */
export function accessOf(authInfo: { readonly extra?: Record<string, unknown> } | undefined): Access | undefined {
  return authInfo?.extra?.access as Access | undefined;
}
