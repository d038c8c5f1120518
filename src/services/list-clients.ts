import type { ClientId } from '../domain/ids.ts';
import { findClient as findClientRow, listClients as listClientRows, type StoredClient } from '../store/clients.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** Lists all clients, newest first; for administrators. */
export async function listClients(runtime: Runtime, tenant: Tenant): Promise<StoredClient[]> {
  return listClientRows(runtime.store, tenant.id);
}

/** Finds a client by its id, blocked ones included; for administrators. */
export async function findClient(runtime: Runtime, tenant: Tenant, id: string): Promise<StoredClient | undefined> {
  return findClientRow(runtime.store, tenant.id, id as ClientId);
}
