import type { ClientId, ServerId, UserId } from '../../src/domain/ids.ts';
import type { Risk } from '../../src/domain/risk.ts';
import { sha256 } from '../../src/platform/digest.ts';
import { randomToken } from '../../src/platform/random.ts';
import type { ConsentRequest } from '../../src/services/prepare-consent.ts';
import { createClient } from '../../src/store/clients.ts';
import { createServer } from '../../src/store/servers.ts';
import { keepTools, type StoredTool } from '../../src/store/tools.ts';
import { createUser } from '../../src/store/users.ts';
import type { TestRuntime } from './runtime.ts';

/** A person, a client and a server with a catalogue, straight in the store. */
export interface ConsentScene {
  userId: UserId;
  clientId: ClientId;
  serverId: ServerId;
  resource: string;
  /** A request of the client for the server, with a scope. */
  request(requestedScope?: string): ConsentRequest;
  /** Replaces tools of the catalogue. */
  setTools(tools: readonly StoredTool[]): Promise<void>;
}

/** A tool as a catalogue has it. Its digest follows `version`. */
export function toolNamed(name: string, risk: Risk = 'read', options: { openWorld?: boolean; version?: number } = {}): StoredTool {
  return {
    name,
    position: 0,
    annotations: {},
    inputSchema: { type: 'object' },
    digest: sha256(`${name} ${options.version ?? 1}`),
    risk,
    openWorld: options.openWorld ?? false,
    firstSeenAt: new Date(),
  };
}

/** Sets the scene; each call makes another person, client and server. */
export async function setConsentScene(
  { runtime, tenant }: Pick<TestRuntime, 'runtime' | 'tenant'>,
  tools: readonly StoredTool[],
): Promise<ConsentScene> {
  const mark = randomToken(6);
  const createdAt = new Date();
  const resource = `https://${mark.toLowerCase().replaceAll('_', '-')}.example/mcp`;
  const clientId = `cli_${mark}` as ClientId;
  const userId = await createUser(runtime.store, tenant.id, { email: `${mark.toLowerCase()}@example.com`, isAdmin: false, createdAt });
  const serverId = await createServer(runtime.store, tenant.id, {
    uri: { resource, key: resource },
    name: 'Tracker',
    credentialDigest: sha256(mark),
    createdAt,
  });
  if (!userId || !serverId) throw new Error('the scene was set before');
  await createClient(runtime.store, tenant.id, {
    id: clientId,
    kind: 'dynamic',
    metadata: {
      name: 'An agent',
      redirectUris: ['http://127.0.0.1/callback'],
      authMethod: 'none',
      grants: ['authorization_code', 'refresh_token'],
      applicationType: 'native',
      postLogoutRedirectUris: [],
    },
    createdAt,
  });
  const setTools = (next: readonly StoredTool[]) => keepTools(runtime.store, tenant.id, serverId, next);
  await setTools(tools);
  const request = (requestedScope?: string) => ({ userId, clientId, resource, requestedScope });
  return { userId, clientId, serverId, resource, request, setTools };
}
