/** The whole product in this process: the issuer on a database of its own, the demo server that it knows, a person, and ports of their own. */
import { createDemoServer, type DemoServer } from '../../src/demo/demo-server.ts';
import { createGuardedFetch } from '../../src/platform/guarded-fetch.ts';
import { createManualClient } from '../../src/services/create-client.ts';
import { demoAccount, prepareDemo } from '../../src/services/prepare-demo.ts';
import { syncCatalogue } from '../../src/services/sync-catalogue.ts';
import { findFreePort } from './free-port.ts';
import { type IssuerOptions, startIssuer, type TestIssuer } from './issuer.ts';

/** How a test wants it. */
export interface WholeOptions {
  /** How the demo server refuses calls. Default: `challenge`. */
  denial?: 'challenge' | 'result';
  issuer?: IssuerOptions;
  /** Where the demo server listens; default: any port that is free. */
  demoPort?: number;
}

/** All of it, running. */
export interface Whole {
  issuer: TestIssuer;
  demo: DemoServer;
  /** The demo server's resource URI, which is where its clients connect. */
  resource: string;
  /** The sample account. */
  account: { email: string; password: string };
  /** Faults of the demo server; a test that expects none looks here. */
  faults: unknown[];
  /** Makes a public client by hand; returns its id. */
  createPublicClient(client: { name: string; redirectUri: string }): Promise<string>;
  stop(): Promise<void>;
}

const operator = { actorType: 'operator' } as const;

/** Starts everything. */
export async function startWhole(options: WholeOptions = {}): Promise<Whole> {
  const issuer = await startIssuer(options.issuer);
  const { runtime, tenant } = issuer;
  const port = options.demoPort ?? (await findFreePort());
  const resource = `http://localhost:${port}/mcp`;
  const { serverId, credential } = await prepareDemo(runtime, tenant, { resource, serverName: 'Tracker' });
  const faults: unknown[] = [];
  const demo = createDemoServer({
    issuer: issuer.url,
    resource,
    credential: { id: serverId, secret: credential },
    denial: options.denial ?? 'challenge',
    onError: (error) => faults.push(error),
  });
  await demo.listen(port);
  const stop = async () => {
    await demo.close();
    await issuer.stop();
  };
  const fetch = createGuardedFetch({ profile: 'admin', issuerIsLoopback: true });
  try {
    const synced = await syncCatalogue(runtime, tenant, { serverId, fetch, origin: operator });
    if (!synced.ok) throw new Error(`the demo's catalogue could not be read: ${JSON.stringify(synced.problem)}`);
  } catch (error) {
    await stop();
    throw error;
  } finally {
    await fetch.close();
  }
  return {
    issuer,
    demo,
    resource,
    account: demoAccount,
    faults,
    async createPublicClient({ name, redirectUri }) {
      const request = { name, redirectUris: [redirectUri], authMethod: 'none' };
      const created = await createManualClient(runtime, tenant, { request, origin: operator });
      if (!created.ok) throw new Error(`no client: ${created.problem.reason}`);
      return created.client.id;
    },
    stop,
  };
}
