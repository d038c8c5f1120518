import type { ServerId } from '../domain/ids.ts';
import { findServer } from '../store/servers.ts';
import { isIndexInvalid } from '../store/status.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** What of an access token says whether it still counts; signature, issuer and end were checked before. */
export interface TokenStanding {
  audience: string;
  /** Its index in the token status list. */
  status: { list: number; index: number };
}

/**
 * Whether an access token counts now, for the server that asks. Uncached. Only the server that the token is for is told;
 * for every other caller it is as good as unknown (ENG-15). Whatever changed or ended an installation turned its index invalid.
 */
export async function isTokenActive(
  runtime: Runtime,
  tenant: Tenant,
  question: { serverId: ServerId; token: TokenStanding },
): Promise<boolean> {
  const server = await findServer(runtime.store, tenant.id, question.serverId);
  if (!server || server.resource !== question.token.audience) return false;
  return !(await isIndexInvalid(runtime.store, tenant.id, question.token.status));
}
