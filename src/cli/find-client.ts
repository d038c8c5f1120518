import type { Office } from '../compose/open-office.ts';
import type { listClients } from '../services/list-clients.ts';
import { CommandFailed } from './failure.ts';
import { plainText } from './plain-text.ts';

/** A client as commands know it. */
export type Client = Awaited<ReturnType<typeof listClients>>[number];

/** Finds a client by its id. Throws `CommandFailed`. */
export async function getClient({ runtime, tenant }: Pick<Office, 'runtime' | 'tenant'>, id: string): Promise<Client> {
  const { findClient } = await import('../services/list-clients.ts');
  const client = await findClient(runtime, tenant, id);
  if (!client) throw unknownClient(id);
  return client;
}

/** The failure for a client that is not there. */
export function unknownClient(id: string): CommandFailed {
  return new CommandFailed('unknown-client', `There is no client ${plainText(id)}. "toolgrant client list" shows all of them.`);
}
