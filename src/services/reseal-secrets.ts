import { CannotDecrypt } from '../platform/vault.ts';
import {
  listSealedValues,
  replaceSealedValue,
  type SealedColumn,
  type SealedValue,
  sampleSealedValues,
  sealedColumns,
} from '../store/sealed-values.ts';
import type { Runtime } from './runtime.ts';
import { sealPurposes } from './seal-purposes.ts';

/** What sealing anew did. */
export interface Resealing {
  resealed: number;
  /** Values that neither the present secret nor the previous one opens. */
  unopened: number;
}

const batch = 200;

const purposeOf = {
  'signing-key': sealPurposes.signingKey,
  'server-headers': sealPurposes.serverHeaders,
  'session-id': sealPurposes.artifactId,
} as const satisfies Record<SealedColumn, string>;

/**
 * Seals under the present secret what another one still seals, of all tenants, a batch at a time. What changes meanwhile is left
 * to whoever changed it. Once it is done nothing needs the previous secret: what is not kept here (sealed cookies that remember a
 * browser) is only a convenience, and successors of refresh tokens are wanted for the grace window alone.
 */
export async function resealSecrets(runtime: Runtime): Promise<Resealing> {
  const result = { resealed: 0, unopened: 0 };
  for (const column of sealedColumns) {
    for (let after: SealedValue | undefined; ; ) {
      const values = await listSealedValues(runtime.store, column, { after, limit: batch });
      for (const value of values) {
        const outcome = await reseal(runtime, column, value);
        if (outcome) result[outcome] += 1;
      }
      if (values.length < batch) break;
      after = values.at(-1);
    }
  }
  return result;
}

async function reseal(runtime: Runtime, column: SealedColumn, value: SealedValue): Promise<keyof Resealing | undefined> {
  const { vault, store } = runtime;
  if (!vault.needsReseal(value.envelope)) return undefined;
  const context = { purpose: purposeOf[column], tenantId: value.tenantId };
  try {
    const envelope = vault.seal(vault.open(value.envelope, context), context);
    return (await replaceSealedValue(store, column, value, envelope)) ? 'resealed' : undefined;
  } catch (error) {
    if (error instanceof CannotDecrypt) return 'unopened';
    throw error;
  }
}

/**
 * Throws `CannotDecrypt` when keys or server headers, of whichever tenant, are sealed under a secret that is not among those
 * given: then the previous secret was taken away before its time (ABUSE-55).
 */
export async function requireKnownSecrets({ store, vault }: Runtime): Promise<void> {
  for (const envelope of await sampleSealedValues(store)) vault.requireKnown(envelope);
}
