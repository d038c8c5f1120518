/** Machines: clients that act by themselves, and API keys. */
import type { ServerId, ServiceAccountId } from '../../src/domain/ids.ts';
import { randomToken } from '../../src/platform/random.ts';
import { createApiKey, type NewApiKeyOwner } from '../../src/services/create-api-key.ts';
import { createManualClient } from '../../src/services/create-client.ts';
import type { RawResponse } from './http-exchange.ts';
import type { TestIssuer, TestServer } from './issuer.ts';
import { basic, postForm } from './oauth-client.ts';

const operator = { actorType: 'operator' } as const;

/** A machine client with its secret. */
export interface TestMachine {
  clientId: string;
  secret: string;
  serviceAccountId: ServiceAccountId;
}

/** What a test assigns. */
interface Assigned {
  server: Pick<TestServer, 'serverId'>;
  tools: readonly string[];
  resources?: boolean;
  prompts?: boolean;
}

function choiceOf({ server, tools, resources = false, prompts = false }: Assigned) {
  return { serverId: server.serverId as ServerId, tools, resources, prompts };
}

/** Makes a machine client, as an administrator; without `assigned` it may do nothing. */
export async function makeMachine(
  { runtime, tenant }: Pick<TestIssuer, 'runtime' | 'tenant'>,
  { assigned, authMethod = 'client_secret_basic', jwks }: { assigned?: Assigned; authMethod?: string; jwks?: unknown } = {},
): Promise<TestMachine> {
  const request = {
    name: 'Nightly job',
    redirectUris: [],
    authMethod,
    grants: ['client_credentials'],
    ...(jwks !== undefined && { jwks }),
    ...(assigned && { assignment: choiceOf(assigned) }),
  };
  const made = await createManualClient(runtime, tenant, { request, origin: operator });
  if (!made.ok) throw new Error(`no machine client: ${made.problem.reason}`);
  const { client, secret = '' } = made;
  if (!client.serviceAccountId) throw new Error('a machine client acts as nobody');
  return { clientId: client.id, secret, serviceAccountId: client.serviceAccountId };
}

/** Asks for a token by Basic; parameters may be replaced, or left out by `undefined`. */
export function askToken(
  issuer: Pick<TestIssuer, 'url' | 'origin' | 'send'>,
  { clientId, secret }: Pick<TestMachine, 'clientId' | 'secret'>,
  parameters: Record<string, string | readonly string[] | undefined> = {},
): Promise<RawResponse> {
  return postForm(issuer, '/token', { grant_type: 'client_credentials', ...parameters }, basic(clientId, secret));
}

/** An API key. */
export interface TestApiKey {
  id: string;
  secret: string;
  /** Whom it acts as. */
  subject: string;
}

/** Makes an API key; unless an owner is given, one that acts as a service account of its own. */
export async function makeApiKey(
  { runtime, tenant }: Pick<TestIssuer, 'runtime' | 'tenant'>,
  {
    owner = { newAccount: true },
    lifetimeSeconds = 86_400,
    name = `Key of a test ${randomToken(6)}`,
    ...assigned
  }: Assigned & { owner?: NewApiKeyOwner; lifetimeSeconds?: number; name?: string },
): Promise<TestApiKey> {
  const made = await createApiKey(runtime, tenant, {
    name,
    owner,
    lifetimeSeconds,
    origin: operator,
    ...choiceOf(assigned),
  });
  if (!made.ok) throw new Error(`no API key: ${JSON.stringify(made.problem)}`);
  const { key, secret } = made;
  return { id: key.id, secret, subject: 'userId' in key.owner ? key.owner.userId : key.owner.serviceAccountId };
}
