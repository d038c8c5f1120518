/** The credential that an MCP server shows (RFC 7617), and what is answered when it is not right. */
import type { Context } from 'koa';
import { HttpProblem } from '../http-problem.ts';
import type { Site } from '../site.ts';

/** The server's id and secret. Throws `credential-invalid` when there is nothing of the kind. */
export function requireServerCredential(ctx: Context, site: Site): { serverId: string; secret: string } {
  const credential = basicCredential(ctx.get('Authorization'));
  if (!credential) throw credentialInvalid(site, 'no credential');
  return credential;
}

/** For a credential that is none of a server's. */
export function credentialInvalid(site: Site, message: string): HttpProblem {
  return new HttpProblem('credential-invalid', { message, headers: { 'WWW-Authenticate': `Basic realm="${site.tenant.issuer}"` } });
}

/** Both parts are form-encoded before (RFC 6749 §2.3.1), which changes nothing for ids and secrets that we make. */
function basicCredential(header: string): { serverId: string; secret: string } | undefined {
  const encoded = /^Basic ([A-Za-z0-9+/_=-]{1,1024})$/i.exec(header)?.[1];
  const [, serverId, secret] =
    /^([\x21-\x7e]+?):([\x21-\x7e]+)$/.exec(encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('latin1')) ?? [];
  return serverId === undefined || secret === undefined ? undefined : { serverId, secret };
}
