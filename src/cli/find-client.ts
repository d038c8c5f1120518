import type { Office } from '../compose/open-office.ts';
import type { listClients } from '../services/list-clients.ts';
import { CommandFailed } from './failure.ts';
import { plainText } from './plain-text.ts';

/** A client as commands know it. */
export type Client = Awaited<ReturnType<typeof listClients>>[number];

/** Finds a client by its id, if there is one. */
export async function findClient({ runtime, tenant }: Pick<Office, 'runtime' | 'tenant'>, id: string): Promise<Client | undefined> {
  const services = await import('../services/list-clients.ts');
  return services.findClient(runtime, tenant, id);
}

/** The same. Throws `CommandFailed` where there is none. */
export async function getClient(office: Pick<Office, 'runtime' | 'tenant'>, id: string): Promise<Client> {
  const client = await findClient(office, id);
  if (!client) throw unknownClient(id);
  return client;
}

/** The failure for a client that is not there. */
export function unknownClient(id: string): CommandFailed {
  return new CommandFailed('unknown-client', `There is no client ${plainText(id)}. "toolgrant client list" shows all of them.`);
}
