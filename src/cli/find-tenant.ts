import type { Office } from '../compose/open-office.ts';
import type { Tenant } from '../services/runtime.ts';
import { CommandFailed } from './failure.ts';
import { plainText } from './plain-text.ts';

/** How many of those that there are an unknown one is answered with. */
const maxNamed = 10;

/** Finds the tenant that a command is about. Throws `CommandFailed`. */
export async function getTenant({ runtime, tenant: root }: Pick<Office, 'runtime' | 'tenant'>, slug: string): Promise<Tenant> {
  if (slug === root.slug) return root;
  const { findTenantOfSlug, listTenants } = await import('../services/list-tenants.ts');
  const found = await findTenantOfSlug(runtime, slug);
  if (found) return found;
  const some = await listTenants(runtime, maxNamed + 1);
  const names = some.slice(0, maxNamed).map((one) => `"${one.slug}"`);
  const known =
    some.length === 1
      ? `The only one is ${names[0]}; leave --tenant out, or make it: toolgrant tenant create <slug> --name <name>`
      : `There are ${names.join(', ')}${some.length > maxNamed ? ', …; "toolgrant tenant list" shows all of them' : ''}.`;
  throw new CommandFailed('unknown-tenant', `There is no tenant "${plainText(slug)}". ${known}`);
}
