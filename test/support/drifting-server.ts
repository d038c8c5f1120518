/** A server whose tools change, a person who allowed all of them to a client, and what that client's next token says. */
import type { ConsentId, UserId } from '../../src/domain/ids.ts';
import { createGuardedFetch } from '../../src/platform/guarded-fetch.ts';
import { randomToken } from '../../src/platform/random.ts';
import { addServer } from '../../src/services/add-server.ts';
import type { CatalogueChange } from '../../src/services/apply-catalogue.ts';
import { type AccessGrant, issueAccess } from '../../src/services/issue-access.ts';
import { type ConsentProposal, prepareConsent } from '../../src/services/prepare-consent.ts';
import { recordConsent } from '../../src/services/record-consent.ts';
import type { Origin } from '../../src/services/runtime.ts';
import { syncCatalogue } from '../../src/services/sync-catalogue.ts';
import { transact } from '../../src/store/client.ts';
import { isIndexInvalid } from '../../src/store/status.ts';
import { setConsentScene } from './consent-scene.ts';
import { type RawMcpBehaviour, startRawMcpServer } from './raw-mcp-server.ts';
import type { TestRuntime } from './runtime.ts';

const origin: Origin = { actorType: 'operator' };

/** A tool as a server lists it; its input schema is an object's unless it says otherwise. */
export interface ListedTool {
  name: string;
  title?: string;
  description?: string;
  annotations?: object;
  inputSchema?: object;
}

/** The scene. */
export interface DriftingServer {
  serverId: Awaited<ReturnType<typeof add>>['id'];
  credential: string;
  resource: string;
  userId: UserId;
  /** What the server lists; change it at will. */
  tools: ListedTool[];
  behaviour: RawMcpBehaviour;
  fetch: ReturnType<typeof createGuardedFetch>;
  sync(): Promise<CatalogueChange>;
  /** The page on which the person would decide now. */
  page(requestedScope?: string): Promise<ConsentProposal>;
  /** She allows the named tools, or those that the page ticks. */
  allow(tools?: readonly string[]): Promise<ConsentId>;
  /** What the client's next token says. */
  issue(): Promise<AccessGrant>;
  /** Whether a token of before has ended. */
  isDead(token: AccessGrant): Promise<boolean>;
  stop(): Promise<void>;
}

/** Sets the scene: everything that the server lists is allowed. */
export async function startDriftingServer(t: TestRuntime, tools: ListedTool[]): Promise<DriftingServer> {
  const listed = () => ({ tools: scene.tools.map((tool) => ({ inputSchema: { type: 'object' }, ...tool })) });
  const raw = await startRawMcpServer({ listTools: listed });
  const fetch = createGuardedFetch({ profile: 'admin', issuerIsLoopback: true });
  const { userId, clientId, serverId: other } = await setConsentScene(t, []);
  await t.runtime.store.server.deleteMany({ where: { id: other } });
  const { resource } = raw;
  let grantId = '';
  const page = async (requestedScope = 'tools') => {
    const proposal = await prepareConsent(t.runtime, t.tenant, { userId, clientId, resource, requestedScope });
    if (!proposal.ok) throw new Error(proposal.failure.kind);
    return proposal.value;
  };
  const scene: DriftingServer = {
    serverId: '' as DriftingServer['serverId'],
    credential: '',
    resource,
    userId,
    tools,
    behaviour: raw.behaviour,
    fetch,
    page,
    sync: async () => {
      const outcome = await syncCatalogue(t.runtime, t.tenant, { serverId: scene.serverId, fetch, origin });
      if (!outcome.ok) throw new Error(outcome.problem.detail);
      return outcome.change;
    },
    allow: async (names) => {
      const { shownDigest, tools: shown } = await page();
      const tickedTools = names ?? shown.filter(({ ticked }) => ticked).map(({ tool }) => tool.name);
      const answer = { tickedTools, resources: false, prompts: false, duration: '30d' as const, shownDigest };
      const request = { userId, clientId, resource, requestedScope: 'tools' };
      grantId = randomToken(16);
      const recorded = await recordConsent(t.runtime, t.tenant, { ...request, answer, grantId, origin });
      if (!recorded.ok) throw new Error(recorded.failure.kind);
      return recorded.value.consentId;
    },
    issue: async () => {
      const outcome = await transact(t.runtime.store, (db) => issueAccess(t.runtime, db, { tenant: t.tenant, grantId, origin }));
      if (!outcome.ok) throw new Error(outcome.failure.kind);
      return outcome.value;
    },
    isDead: ({ status }) => isIndexInvalid(t.runtime.store, t.tenant.id, { list: Number(status.uri.split('/').at(-1)), index: status.idx }),
    stop: async () => {
      await raw.stop();
      await fetch.close();
    },
  };
  const { id, credential } = await add(t, { resource, fetch });
  Object.assign(scene, { serverId: id, credential });
  await scene.allow(tools.map(({ name }) => name));
  return scene;
}

async function add(t: TestRuntime, { resource, fetch }: Pick<DriftingServer, 'resource' | 'fetch'>) {
  const outcome = await addServer(t.runtime, t.tenant, { resource, name: 'Tracker', fetch, origin });
  if (!outcome.ok) throw new Error(outcome.problem.kind);
  return { id: outcome.server.id, credential: outcome.credential };
}
