import { rootTenantId } from '../domain/ids.ts';
import {
  findSlugProblem,
  findTenantIssuerProblem,
  pathIssuer,
  type SlugProblem,
  type TenantIssuerProblem,
} from '../domain/tenant-address.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { transact } from '../store/client.ts';
import { createTenant as createTenantRow, findTenant, findTenantBySlug, listTenants, lockTenant } from '../store/tenants.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';
import { ensureSigningKeys } from './signing-keys.ts';

/** A new tenant, or why there is none. */
export type TenantCreation =
  | { ok: true; tenant: Tenant }
  | {
      ok: false;
      problem: { about: 'slug'; problem: SlugProblem | 'taken' } | { about: 'issuer'; issuer: string; problem: TenantIssuerProblem };
    };

/**
 * Makes a tenant, at `<base>/t/<slug>` unless it has an issuer URL of its own, with the key that it signs with. Issuers that run
 * serve it within a second. Of several that would be in each other's way, one is made.
 */
export async function createTenant(
  runtime: Runtime,
  request: { slug: string; name: string; issuer?: string; origin: Origin },
): Promise<TenantCreation> {
  const { slug, name, origin } = request;
  const problem = findSlugProblem(slug);
  if (problem) return { ok: false, problem: { about: 'slug', problem } };
  const created = await transact(runtime.store, async (db): Promise<TenantCreation> => {
    await lockTenant(db, rootTenantId);
    const root = await findTenant(db, rootTenantId);
    if (!root) throw new Error('there is no root tenant');
    if (await findTenantBySlug(db, slug)) return { ok: false, problem: { about: 'slug', problem: 'taken' } };
    const issuer = request.issuer ?? pathIssuer(root.issuer, slug);
    const others = (await listTenants(db)).map((standing) => standing.issuer);
    const wrong = findTenantIssuerProblem(issuer, { slug, base: root.issuer, others });
    if (wrong) return { ok: false, problem: { about: 'issuer', issuer, problem: wrong } };
    const createdAt = runtime.clock.now();
    const tenant = await createTenantRow(db, { slug, name, issuer, createdAt });
    if (!tenant) return { ok: false, problem: { about: 'slug', problem: 'taken' } };
    await recordAuditEvent(db, tenant.id, {
      ...origin,
      type: 'tenant.created',
      outcome: 'success',
      at: createdAt,
      detail: { slug, issuer, name },
    });
    return { ok: true, tenant };
  });
  if (created.ok) await ensureSigningKeys(runtime, created.tenant);
  return created;
}
