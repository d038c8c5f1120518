/** For which server an API key of one's own is to be: all by name, page by page, or those that have some words in name or address. */
import type { Context } from 'koa';
import { parseServerId, type ServerId } from '../../domain/ids.ts';
import { listServersForKeys } from '../../services/list-servers-for-keys.ts';
import { frameOf, showPage } from '../answer.ts';
import type { Person } from '../route.ts';
import type { Site } from '../site.ts';

const maxQueryCharacters = 100;

/** Shows a page of the servers. */
export async function showServersForKeys(ctx: Context, site: Site, { email }: Person): Promise<void> {
  const query = readQuery(ctx.query['query']);
  const [after, before] = [readServer(ctx.query['after']), readServer(ctx.query['before'])];
  const { entries, previous, next } = await listServersForKeys(site.runtime, site.tenant, {
    query,
    ...(after && { after }),
    ...(before && { before }),
  });
  const all = `${site.tenant.issuer}/account/keys/new`;
  const linkTo = (direction: 'after' | 'before', id: ServerId) =>
    `${all}?${new URLSearchParams({ ...(query !== '' && { query }), [direction]: id })}`;
  const isSearch = query !== '' || previous !== undefined || next !== undefined;
  showPage(ctx, site, {
    view: 'key-servers',
    context: {
      ...frameOf(site.tenant, email),
      servers: entries.map(({ id, name, resource }) => ({ href: `${all}?server=${id}`, name, resource })),
      all,
      ...(isSearch && { search: { query, maxCharacters: maxQueryCharacters } }),
      ...(previous && { previous: linkTo('before', previous) }),
      ...(next && { next: linkTo('after', next) }),
    },
  });
}

/** What is looked for, without what no name has and a database would choke on. */
function readQuery(text: unknown): string {
  return typeof text === 'string'
    ? text
        .replaceAll(/\p{Cc}/gu, '')
        .trim()
        .slice(0, maxQueryCharacters)
        .toWellFormed()
    : '';
}

function readServer(text: unknown): ServerId | undefined {
  return typeof text === 'string' ? parseServerId(text) : undefined;
}
