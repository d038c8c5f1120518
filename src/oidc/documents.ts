import type { Context } from 'koa';
import { sha256 } from '../platform/digest.ts';
import type { EngineEnvironment } from './engine-environment.ts';
import { describeIssuer } from './metadata.ts';

/** A document that is the same for everyone, made once. */
interface PublicDocument {
  body: string;
  type: string;
  etag: string;
}

/** How long a reader may keep one, in seconds. Keys are published long before they sign. */
const maxAgeSeconds = 300;

/** The documents of one tenant. The engine would make them anew for each reader. */
export interface PublicDocuments {
  metadata(ctx: Context): void;
  jwks(ctx: Context): void;
}

/** Makes them. */
export function createPublicDocuments({ tenant, keys, settings }: EngineEnvironment): PublicDocuments {
  const metadata = toDocument(describeIssuer(tenant.issuer, settings), 'application/json');
  // Public halves only, kept apart from the private ones since they were made (ABUSE-55).
  const jwks = toDocument({ keys: keys.keys.map(({ publicJwk }) => publicJwk) }, 'application/jwk-set+json');
  return { metadata: (ctx) => answer(ctx, metadata), jwks: (ctx) => answer(ctx, jwks) };
}

function toDocument(content: object, type: string): PublicDocument {
  const body = JSON.stringify(content);
  return { body, type, etag: `"${sha256(body).slice(0, 22)}"` };
}

function answer(ctx: Context, { body, type, etag }: PublicDocument): void {
  ctx.status = 200;
  ctx.set('Cache-Control', `public, max-age=${maxAgeSeconds}`);
  ctx.set('ETag', etag);
  if (ctx.fresh) {
    ctx.status = 304;
    return;
  }
  ctx.body = body;
  ctx.type = type;
}
