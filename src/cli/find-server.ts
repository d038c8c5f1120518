import type { Office } from '../compose/open-office.ts';
import type { ServerOverview } from '../services/list-servers.ts';
import { CommandFailed } from './failure.ts';
import { plainText } from './plain-text.ts';

/** Finds a server by its id or URL. Throws `CommandFailed`. */
export async function getServer({ runtime, tenant }: Pick<Office, 'runtime' | 'tenant'>, named: string): Promise<ServerOverview> {
  const { findServerByName } = await import('../services/list-servers.ts');
  const found = await findServerByName(runtime, tenant, named);
  if (!found) throw unknownServer(named);
  return found;
}

/** The failure for a server that is not there. */
export function unknownServer(named: string): CommandFailed {
  return new CommandFailed('unknown-server', `There is no server ${plainText(named)}. "toolgrant server list" shows all of them.`);
}
