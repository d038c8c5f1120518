import { listSigningKeys, listTenantsWithDueKeys } from '../store/signing-keys.ts';
import { describeKeys, type KeyOverview } from './list-keys.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';
import { advanceKeys } from './signing-keys.ts';

/**
 * Lets another key sign, as an operator asks. By default once every reader has the waiting key, which may be at once; with
 * `isLeaked` at once in any case, and the present key is withdrawn: what it signed is refused from then on.
 */
export async function rotateKeys(
  runtime: Runtime,
  tenant: Tenant,
  { isLeaked, origin }: { isLeaked: boolean; origin: Origin },
): Promise<{ signs: KeyOverview; waits: KeyOverview; hasChanged: boolean }> {
  const before = (await listSigningKeys(runtime.store, tenant.id)).find(({ state }) => state === 'current');
  const keys = describeKeys(await advanceKeys(runtime, tenant, { origin, request: isLeaked ? 'withdraw' : 'rotate' }));
  const [signs, waits] = [keys.find(({ state }) => state === 'current'), keys.find(({ state }) => state === 'next')];
  if (!signs || !waits) throw new Error(`tenant ${tenant.slug} has no two signing keys after a rotation`);
  return { signs, waits, hasChanged: signs.kid !== before?.kid };
}

/** How many tenants are served at once. */
const batch = 100;

/** Lets keys go on that are due, of all tenants; returns of how many. The rest comes with the next call. */
export async function rotateDueKeys(runtime: Runtime): Promise<number> {
  const tenants = await listTenantsWithDueKeys(runtime.store, runtime.clock.now(), batch);
  for (const id of tenants) await advanceKeys(runtime, { id }, { origin: { actorType: 'issuer' } });
  return tenants.length;
}
