import { ADVERTISED_SCOPES } from './scope.ts';

const WELL_KNOWN = '/.well-known/oauth-protected-resource';

/** An RFC 9728 document: how a client learns which issuer to ask for tokens. */
export interface ProtectedResourceDocument {
  readonly resource: string;
  readonly authorization_servers: readonly string[];
  readonly scopes_supported: readonly string[];
  readonly bearer_methods_supported: readonly string[];
  readonly resource_name?: string;
}

/**
 * The RFC 9728 document of a server. `scopes_supported` names ceilings only, never single tools:
 * old clients ask for everything that stands here.
 */
export function protectedResourceDocument(options: {
  readonly issuer: string;
  readonly resource: string;
  /** What people call the server. */
  readonly resourceName?: string;
}): ProtectedResourceDocument {
  return {
    resource: options.resource,
    authorization_servers: [options.issuer],
    scopes_supported: ADVERTISED_SCOPES,
    bearer_methods_supported: ['header'],
    ...(options.resourceName === undefined ? {} : { resource_name: options.resourceName }),
  };
}

/** Where the document is: the well-known part stands between the host and the resource's path (RFC 9728 §3.1). */
export function resourceMetadataUrlOf(resource: string): string {
  const url = new URL(resource);
  return url.origin + resourceMetadataPathOf(resource) + url.search;
}

/** The path of {@link resourceMetadataUrlOf}. */
export function resourceMetadataPathOf(resource: string): string {
  const { pathname } = new URL(resource);
  return pathname === '/' ? WELL_KNOWN : WELL_KNOWN + pathname;
}

/** Whether a request path asks for the document; clients differ about a trailing slash. */
export function isResourceMetadataPath(path: string, resource: string): boolean {
  const trimmed = (text: string): string => (text.endsWith('/') ? text.slice(0, -1) : text);
  return trimmed(path) === trimmed(resourceMetadataPathOf(resource));
}
