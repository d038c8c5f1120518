import type { ClientId } from '../domain/ids.ts';
import { findClient, type StoredClient } from '../store/clients.ts';
import type { StoredServer } from '../store/servers.ts';
import { findServerOfResource } from './prepare-consent.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** Names who asks whom, before anybody has signed in. Nothing of what a person allowed is in it. */
export async function describeRequest(
  runtime: Runtime,
  tenant: Tenant,
  request: { clientId: ClientId; resource: string },
): Promise<{ client?: StoredClient; server?: StoredServer }> {
  const client = await findClient(runtime.store, tenant.id, request.clientId);
  const server = await findServerOfResource(runtime.store, tenant.id, request.resource);
  return { ...(client && { client }), ...(server && { server }) };
}
