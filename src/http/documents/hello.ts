import type { Context } from 'koa';
import { announceLibrary } from '../../services/announce-library.ts';
import { callerOf } from '../caller.ts';
import { HttpProblem } from '../http-problem.ts';
import { readJsonObject } from '../request-body.ts';
import type { Site } from '../site.ts';
import { credentialInvalid, requireServerCredential } from './server-credential.ts';

const maxCharacters = 100;

/** A server's library says which it is, with the server's credential. From then on pages promise quick revocation for it. */
export async function serveHello(ctx: Context, site: Site): Promise<void> {
  const credential = requireServerCredential(ctx, site);
  const body = await readJsonObject(ctx.req);
  const [library, version] = [textOf(body.get('library')), textOf(body.get('version'))];
  if (library === undefined || version === undefined)
    throw new HttpProblem('bad-request', { message: 'a hello without library and version' });
  const announced = await announceLibrary(site.runtime, site.tenant, { ...credential, library, version, ...callerOf(ctx.req) });
  if (!announced) throw credentialInvalid(site, 'a wrong credential');
  ctx.status = 204;
  ctx.set('Cache-Control', 'no-store');
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= maxCharacters && /^[\x20-\x7e]+$/.test(value) ? value : undefined;
}
