import type { Context } from 'koa';
import type { PublicDocument } from '../../oidc/engine-contract.ts';
import type { PublishedStatusList } from '../../services/publish-status-list.ts';
import { HttpProblem } from '../http-problem.ts';
import { sharedHeaders } from '../route.ts';
import type { Site } from '../site.ts';

/** Serves a token status list (draft-ietf-oauth-status-list §8). */
export async function serveStatusList(ctx: Context, site: Site): Promise<void> {
  const number = readNumber(ctx.params['list'] as string);
  const list = number === undefined ? undefined : await site.statusLists.publish(site.tenant, number);
  if (!list) throw new HttpProblem('not-found');
  ctx.set(documentHeaders(list));
  ctx.body = list.jwt;
}

/** The list at a path below the issuer, when it stands ready: the same for whoever reads it. */
export function findStandingStatusList(site: Site, path: string): PublicDocument | undefined {
  const number = path.startsWith('/status/') ? readNumber(path.slice('/status/'.length)) : undefined;
  const list = number === undefined ? undefined : site.statusLists.standing(site.tenant, number);
  if (!list) return undefined;
  const known = documents.get(list) ?? { body: list.jwt, headers: { ...sharedHeaders, ...documentHeaders(list) } };
  documents.set(list, known);
  return known;
}

const documents = new WeakMap<PublishedStatusList, PublicDocument>();

function documentHeaders({ maxAgeSeconds }: PublishedStatusList): Record<string, string> {
  return { 'Content-Type': 'application/statuslist+jwt', 'Cache-Control': `public, max-age=${maxAgeSeconds}` };
}

function readNumber(text: string): number | undefined {
  return /^(?:0|[1-9]\d{0,5})$/.test(text) ? Number(text) : undefined;
}
