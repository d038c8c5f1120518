import { parse } from 'node:querystring';
import { decodeJwt } from 'jose';
import type { Context } from 'koa';
import type { ClientId } from '../domain/ids.ts';
import type { MachineRequest } from '../services/prepare-machine-request.ts';

/** What a machine client asks for, as far as that is plain; undefined for whatever else. The engine reads it in full, and authenticates. */
export function machineRequestIn(ctx: Context, body: Buffer): MachineRequest | undefined {
  // Looked for before anything is parsed: every code and refresh token comes by here.
  if (!body.includes('client_credentials')) return undefined;
  const { grant_type: grantType, resource, scope, client_id: clientId, client_assertion: assertion } = parse(body.toString());
  if (grantType !== 'client_credentials' || typeof resource !== 'string' || resource === '' || Array.isArray(scope)) return undefined;
  const claimed = basicUserOf(ctx.get('Authorization')) ?? (typeof assertion === 'string' ? subjectOf(assertion) : undefined) ?? clientId;
  return typeof claimed === 'string' && claimed !== '' ? { clientId: claimed as ClientId, resource, requestedScope: scope } : undefined;
}

function basicUserOf(authorization: string): string | undefined {
  const encoded = /^basic ([A-Za-z0-9+/]{1,1024}={0,2})$/i.exec(authorization)?.[1];
  const [user] = encoded === undefined ? [] : Buffer.from(encoded, 'base64').toString('latin1').split(':', 1);
  // Ids that we make have no character that form-encoding changes (RFC 6749 §2.3.1).
  return user !== undefined && /^[\w-]+$/.test(user) ? user : undefined;
}

function subjectOf(assertion: string): string | undefined {
  try {
    return decodeJwt(assertion).sub;
  } catch {
    return undefined;
  }
}
