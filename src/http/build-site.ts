import { issuerPath } from '../domain/issuer-url.ts';
import { createEngine } from '../oidc/engine.ts';
import type { EngineSettings } from '../oidc/engine-contract.ts';
import type { Tenant } from '../services/runtime.ts';
import { callerOf } from './caller.ts';
import { addressGroup } from './client-address.ts';
import { createEnginePages } from './pages/engine-pages.ts';
import type { Site } from './site.ts';

/** What the sites of all tenants have in common. */
export interface SharedParts extends Pick<Site, 'runtime' | 'render' | 'statusLists' | 'limits' | 'isDraining'> {
  /** What the engine of a tenant is set to. */
  settingsOf(tenant: Tenant): Pick<EngineSettings, 'defaultResource'>;
}

/** Makes the site of a tenant, engine included. Throws when its keys cannot be opened. */
export async function buildSite({ settingsOf, ...shared }: SharedParts, tenant: Tenant): Promise<Site> {
  const pages = createEnginePages({ render: shared.render, tenant });
  const groupCaller: EngineSettings['groupCaller'] = ({ req }) => addressGroup(callerOf(req).address);
  const admitNewClient: EngineSettings['admitNewClient'] = (ctx) => shared.limits.admitRegistration(tenant, groupCaller(ctx));
  const { host, protocol } = new URL(tenant.issuer);
  return {
    ...shared,
    tenant,
    engine: await createEngine(shared.runtime, tenant, { ...settingsOf(tenant), ...pages, groupCaller, admitNewClient }),
    host,
    basePath: issuerPath(tenant.issuer),
    isSecure: protocol === 'https:',
  };
}
