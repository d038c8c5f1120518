/**
 * Who learns that a client is blocked: a person who allowed it something, or who has come as far as its consent page, and the program
 * that shows what was made for that client. To everybody else it is as good as unknown, so that nobody can ask from outside what an
 * administrator thinks of a client.
 */
import type { OIDCContext } from 'oidc-provider';
import type { ClientId, UserId } from '../domain/ids.ts';
import { hasAllowedClient, isMadeForClient } from '../services/judge-blocked-caller.ts';
import type { Runtime, Tenant } from '../services/runtime.ts';
import { ClientBlocked } from './errors.ts';

/** What becomes of a request that names a blocked client; `known`: it goes on, and fails at what has ended. */
export async function judgeBlockedClient(
  runtime: Runtime,
  tenant: Tenant,
  { clientId, request }: { clientId: ClientId; request: OIDCContext | undefined },
): Promise<'known' | 'unknown'> {
  // Our own pages say it where they need to.
  if (!request?.route) return 'known';
  const { route, params = {} } = request;
  const userId = request.session?.accountId as UserId | undefined;
  if (route === 'resume' && userId !== undefined) throw new ClientBlocked();
  if (route === 'authorization') {
    if (userId !== undefined && (await hasAllowedClient(runtime, tenant, { clientId, userId }))) throw new ClientBlocked();
    // One that is a document would lead to sign-in if nobody knew it; who signs in is told.
    return clientId.startsWith('https:') ? 'known' : 'unknown';
  }
  const presented = [params.refresh_token, params.code, params.token].find((text) => typeof text === 'string');
  if (typeof presented !== 'string') return 'unknown';
  return (await isMadeForClient(runtime, tenant, { clientId, presented })) ? 'known' : 'unknown';
}
