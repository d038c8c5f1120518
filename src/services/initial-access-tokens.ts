/** Initial access tokens (RFC 7591 §3): with one, clients may register where `registration` is `token`. Bound in uses and time. */
import { type InitialAccessTokenId, idPrefixes } from '../domain/ids.ts';
import { sha256 } from '../platform/digest.ts';
import { randomId, randomToken } from '../platform/random.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import {
  createInitialAccessToken as createRow,
  listInitialAccessTokens as listRows,
  revokeInitialAccessToken as revokeRow,
  type StoredInitialAccessToken,
} from '../store/initial-access-tokens.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** The most clients that one token may register. */
export const maxInitialTokenUses = 1_000;

/** Makes a token, which is told once only. `maxUses` is from 1 to `maxInitialTokenUses`. */
export async function createInitialAccessToken(
  runtime: Pick<Runtime, 'store' | 'clock'>,
  tenant: Pick<Tenant, 'id'>,
  request: { name: string; maxUses: number; lifetimeSeconds: number; origin: Origin },
): Promise<{ token: string; stored: StoredInitialAccessToken }> {
  const { name, maxUses, lifetimeSeconds, origin } = request;
  const createdAt = runtime.clock.now();
  const token = randomToken();
  const made = {
    id: randomId(idPrefixes.initialAccessToken) as InitialAccessTokenId,
    name,
    maxUses,
    createdAt,
    expiresAt: new Date(createdAt.getTime() + lifetimeSeconds * 1_000),
  };
  await transact(runtime.store, async (db) => {
    await createRow(db, tenant.id, { ...made, digest: sha256(token) });
    await recordAuditEvent(db, tenant.id, {
      ...origin,
      type: 'initial-token.created',
      outcome: 'success',
      at: createdAt,
      detail: { initialToken: made.id, name, maxUses, expiresAt: made.expiresAt.toISOString() },
    });
  });
  return { token, stored: { ...made, uses: 0 } };
}

/** Lists tokens, newest first; used up and revoked ones until they have expired. */
export async function listInitialAccessTokens(
  runtime: Pick<Runtime, 'store'>,
  tenant: Pick<Tenant, 'id'>,
): Promise<StoredInitialAccessToken[]> {
  return listRows(runtime.store, tenant.id);
}

/** Revokes a token: it registers nothing from now on; what it registered stays. False when there is none, or it was revoked before. */
export async function revokeInitialAccessToken(
  runtime: Pick<Runtime, 'store' | 'clock'>,
  tenant: Pick<Tenant, 'id'>,
  { id, origin }: { id: string; origin: Origin },
): Promise<boolean> {
  return transact(runtime.store, async (db) => {
    const at = runtime.clock.now();
    if (!(await revokeRow(db, tenant.id, id, at))) return false;
    await recordAuditEvent(db, tenant.id, {
      ...origin,
      type: 'initial-token.revoked',
      outcome: 'success',
      at,
      detail: { initialToken: id },
    });
    return true;
  });
}
