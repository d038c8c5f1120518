import { createDemoServer } from '../demo/demo-server.ts';
import { logFault } from '../platform/logger.ts';
import { demoAccount, prepareDemo } from '../services/prepare-demo.ts';
import { syncCatalogue } from '../services/sync-catalogue.ts';
import type { OpenRuntime } from './open-runtime.ts';
import { StartProblem } from './start-problem.ts';

/** The demo, running in this process. */
export interface RunningDemo {
  /** The MCP URL. */
  resource: string;
  /** The sample account. */
  account: { email: string; password: string };
  stop(): Promise<void>;
}

const origin = { actorType: 'issuer' } as const;

/** Starts the demo MCP server beside an issuer that listens, with its sample account and its catalogue. Throws `StartProblem`, `DemoConflict`. */
export async function startDemo(issuer: Omit<OpenRuntime, 'counters'>, { port }: { port: number }): Promise<RunningDemo> {
  const { runtime, tenant, fetch } = issuer;
  const resource = `http://localhost:${port}/mcp`;
  const { serverId, credential } = await prepareDemo(runtime, tenant, { resource, serverName: 'Tracker (demo)' });
  const server = createDemoServer({
    issuer: tenant.issuer,
    resource,
    credential: { id: serverId, secret: credential },
    onError: (error) => logFault(runtime.log, error, { message: 'the demo server failed' }),
  });
  try {
    await listen(server, port);
    const sync = await syncCatalogue(runtime, tenant, { serverId, fetch, origin });
    if (!sync.ok) throw new StartProblem(`The demo server's tools cannot be read: ${sync.problem.detail}.`);
    return { resource, account: { ...demoAccount }, stop: () => server.close() };
  } catch (error) {
    await server.close();
    throw error;
  }
}

async function listen(server: ReturnType<typeof createDemoServer>, port: number): Promise<void> {
  try {
    await server.listen(port);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw error;
    const why = code === 'EACCES' ? 'may not be used by this account' : 'is in use by another program';
    throw new StartProblem(`Port ${port}, for the demo server, ${why}. Stop that program, or set TOOLGRANT_DEMO_PORT to another port.`, {
      cause: error,
    });
  }
}
