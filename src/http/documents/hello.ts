import type { Context } from 'koa';
import { announceLibrary } from '../../services/announce-library.ts';
import { callerOf } from '../caller.ts';
import { HttpProblem } from '../http-problem.ts';
import { readJsonObject } from '../request-body.ts';
import type { Site } from '../site.ts';

const maxCharacters = 100;

/** A server's library says which it is, with the server's credential. From then on pages promise quick revocation for it. */
export async function serveHello(ctx: Context, site: Site): Promise<void> {
  const credential = basicCredential(ctx.get('Authorization'));
  if (!credential) throw unauthorized(site, 'no credential');
  const body = await readJsonObject(ctx.req);
  const [library, version] = [textOf(body.get('library')), textOf(body.get('version'))];
  if (library === undefined || version === undefined)
    throw new HttpProblem('bad-request', { message: 'a hello without library and version' });
  const announced = await announceLibrary(site.runtime, site.tenant, { ...credential, library, version, ...callerOf(ctx.req) });
  if (!announced) throw unauthorized(site, 'a wrong credential');
  ctx.status = 204;
  ctx.set('Cache-Control', 'no-store');
}

function unauthorized(site: Site, message: string): HttpProblem {
  return new HttpProblem('credential-invalid', { message, headers: { 'WWW-Authenticate': `Basic realm="${site.tenant.issuer}"` } });
}

/** RFC 7617; both parts are form-encoded before (RFC 6749 §2.3.1), which changes nothing for ids and secrets that we make. */
function basicCredential(header: string): { serverId: string; secret: string } | undefined {
  const encoded = /^Basic ([A-Za-z0-9+/_=-]{1,1024})$/i.exec(header)?.[1];
  const [, serverId, secret] =
    /^([\x21-\x7e]+?):([\x21-\x7e]+)$/.exec(encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('latin1')) ?? [];
  return serverId === undefined || secret === undefined ? undefined : { serverId, secret };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= maxCharacters && /^[\x20-\x7e]+$/.test(value) ? value : undefined;
}
