import type { Context } from 'koa';
import { sha256 } from '../platform/digest.ts';
import { anyOriginHeaders } from './cors.ts';
import type { PublicDocument } from './engine-contract.ts';
import type { EngineEnvironment } from './engine-environment.ts';
import { describeIssuer } from './metadata.ts';

/** How long a reader may keep one, in seconds. Keys are published long before they sign. */
const maxAgeSeconds = 300;

/** The documents of one tenant. The engine would make them anew for each reader. */
export interface PublicDocuments {
  metadata: PublicDocument;
  jwks: PublicDocument;
}

/** Makes them. */
export function createPublicDocuments({ tenant, keys }: Pick<EngineEnvironment, 'tenant' | 'keys'>): PublicDocuments {
  return {
    metadata: toDocument(describeIssuer(tenant), 'application/json'),
    // Public halves only, kept apart from the private ones since they were made (ABUSE-55).
    jwks: toDocument({ keys: keys.keys.map(({ publicJwk }) => publicJwk) }, 'application/jwk-set+json'),
  };
}

function toDocument(content: object, type: string): PublicDocument {
  const body = JSON.stringify(content);
  return {
    body,
    headers: {
      ...anyOriginHeaders,
      'Cache-Control': `public, max-age=${maxAgeSeconds}`,
      ETag: `"${sha256(body).slice(0, 22)}"`,
      'Content-Type': `${type}; charset=utf-8`,
    },
  };
}

/** Answers with a document, or that the reader's copy is the newest. */
export function answerDocument(ctx: Context, { body, headers }: PublicDocument): void {
  ctx.status = 200;
  ctx.set(headers);
  if (ctx.fresh) {
    ctx.status = 304;
    return;
  }
  ctx.body = body;
  ctx.set(headers); // koa has a type of its own for texts
}
