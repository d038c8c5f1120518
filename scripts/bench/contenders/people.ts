/**
 * People who have allowed something, straight in Toolgrant's database: what sign-in and the consent page would have done for
 * each, by the same services and the same engine classes. It runs beside the server that is measured, not in it.
 */
import Provider from 'oidc-provider';
import { openRuntime, type RuntimeOptions } from '../../../src/compose/open-runtime.ts';
import type { ClientId, ServerId, UserId } from '../../../src/domain/ids.ts';
import { parseResourceUri } from '../../../src/domain/resource-uri.ts';
import { createAdapterFactory } from '../../../src/oidc/adapter.ts';
import { createRefreshSuccessors } from '../../../src/oidc/refresh-successor.ts';
import { MARKER_SCOPE } from '../../../src/oidc/scopes.ts';
import { sha256 } from '../../../src/platform/digest.ts';
import { randomToken } from '../../../src/platform/random.ts';
import { createManualClient } from '../../../src/services/create-client.ts';
import { prepareConsent } from '../../../src/services/prepare-consent.ts';
import { recordConsent } from '../../../src/services/record-consent.ts';
import type { Runtime, Tenant } from '../../../src/services/runtime.ts';
import { ensureSigningKeys } from '../../../src/services/signing-keys.ts';
import { createInstallation } from '../../../src/store/installations.ts';
import { createServer } from '../../../src/store/servers.ts';
import { keepTools, type StoredTool } from '../../../src/store/tools.ts';
import { createUser } from '../../../src/store/users.ts';
import { allowedTools, type CodeRequest, resource } from './contender.ts';

/** Makes authorization codes for people. */
export interface People {
  makeCodes(request: CodeRequest, count: number): Promise<string[]>;
  /** How the MCP server says who it is. */
  serverAuthorization: string;
  /** People with a password, by their addresses. */
  makeAccounts(count: number): Promise<{ emails: string[]; password: string }>;
  /** Machine clients that may use all tools; the headers by which they prove who they are. */
  makeMachines(count: number): Promise<string[]>;
  /** Adds a server with a hundred tools of all risks; returns its resource. */
  addLargeServer(): Promise<string>;
  close(): Promise<void>;
}

/** Codes are spread over so many people, so that requests at the same time seldom meet at one person's consent, as in life. */
const peopleCount = 256;
const atATime = 8;
const requestedScope = 'tools';
/** Codes wait for their measurement; in the product they live a minute. */
const codeSeconds = 3_600;
const forbiddenTools = ['close_issue', 'delete_issue', 'invite_person', 'purge_trash'];

/** Opens the issuer's services beside the server, and adds the MCP server that all tokens are for. */
export async function openPeople(options: RuntimeOptions): Promise<People> {
  const { runtime, tenant, close } = await openRuntime(options, 'stored');
  const serverId = await addServer(runtime, tenant, { url: resource, tools: [...allowedTools, ...forbiddenTools].map(toTool) });
  const provider = await createProvider(runtime, tenant);
  const making = { runtime, tenant, provider, clients: new Map(), consents: new Map() };
  return {
    makeCodes: async (request, count) => {
      const people = await once(making.consents, request.clientId, (clientId) => giveConsents(making, clientId as ClientId));
      return inParallel(count, (place) => makeCode(making, request, people[place % people.length] as Consenting));
    },
    serverAuthorization: `Basic ${Buffer.from(`${serverId}:${serverSecret}`).toString('base64')}`,
    makeAccounts: async (count) => {
      const password = randomToken();
      const passwordHash = await runtime.passwords.hash(password);
      const emails = Array.from({ length: count }, (_, place) => `signs-in-${place}-${randomToken(6).toLowerCase()}@example.com`);
      for (const email of emails)
        await createUser(runtime.store, tenant.id, { email, passwordHash, isAdmin: false, createdAt: new Date() });
      return { emails, password };
    },
    addLargeServer: async () => {
      const url = `https://large-${randomToken(6).toLowerCase().replaceAll('_', '-')}.example/mcp`;
      await addServer(runtime, tenant, { url, tools: Array.from({ length: 100 }, (_, place) => toLargeTool(place)) });
      return url;
    },
    makeMachines: (count) => inParallel(count, () => makeMachine(runtime, tenant, serverId)),
    close,
  };
}

async function makeMachine(runtime: Runtime, tenant: Tenant, serverId: ServerId): Promise<string> {
  const assignment = { serverId, tools: allowedTools, resources: false, prompts: false };
  const request = { name: 'Bench', redirectUris: [], grants: ['client_credentials'], assignment };
  const made = await createManualClient(runtime, tenant, { request, origin: { actorType: 'operator' } });
  if (!made.ok) throw new Error(`no machine client: ${made.problem.reason}`);
  return `Basic ${Buffer.from(`${made.client.id}:${made.secret}`).toString('base64')}`;
}

const serverSecret = randomToken();

/** What codes are made with, and what was made or looked up once. */
interface Making {
  runtime: Runtime;
  tenant: Tenant;
  provider: Provider;
  consents: Map<string, Promise<Consenting[]>>;
  clients: Map<string, ReturnType<Provider['Client']['find']>>;
}

function once<T>(made: Map<string, T>, key: string, make: (key: string) => T): T {
  const value = made.get(key) ?? make(key);
  made.set(key, value);
  return value;
}

async function addServer({ store }: Runtime, tenant: Tenant, { url, tools }: { url: string; tools: StoredTool[] }): Promise<ServerId> {
  const uri = parseResourceUri(url);
  if ('problem' in uri) throw new Error(uri.problem);
  const createdAt = new Date();
  const serverId = await createServer(store, tenant.id, { uri, name: 'Tracker', credentialDigest: sha256(serverSecret), createdAt });
  if (!serverId) throw new Error('the MCP server is there already');
  await keepTools(store, tenant.id, serverId, tools);
  return serverId;
}

function toLargeTool(position: number): StoredTool {
  const risk = (['read', 'write', 'destructive'] as const)[position % 3] ?? 'read';
  return { ...toTool(`tool_number_${position}`, position), risk, openWorld: position % 5 === 0 };
}

function toTool(name: string, position: number): StoredTool {
  return {
    name,
    position,
    description: `What ${name} does, in a sentence or two of the length that servers usually write.`,
    annotations: { readOnlyHint: position < 6 },
    inputSchema: { type: 'object', properties: { id: { type: 'string' }, text: { type: 'string' } }, required: ['id'] },
    digest: sha256(name),
    risk: position < 6 ? 'read' : position < allowedTools.length ? 'write' : 'destructive',
    openWorld: false,
    firstSeenAt: new Date(),
  };
}

/** The engine with Toolgrant's adapter, for its classes alone; it answers no request. */
async function createProvider(runtime: Runtime, tenant: Tenant): Promise<Provider> {
  const { current } = await ensureSigningKeys(runtime, tenant);
  const successors = createRefreshSuccessors(runtime.vault, tenant.id);
  return new Provider(tenant.issuer, {
    adapter: createAdapterFactory({ runtime, tenant, successors, originOf: () => ({ actorType: 'operator' }), callerOf: () => 'here' }),
    jwks: { keys: [current.privateJwk] },
    cookies: { keys: ['bench'] },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    features: { devInteractions: { enabled: false } },
    ttl: { AuthorizationCode: codeSeconds, Grant: runtime.lifetimes.refreshTokenSeconds },
  });
}

/** A person with a consent for a client. */
interface Consenting {
  userId: UserId;
  consentId: Parameters<typeof createInstallation>[2]['consentId'];
}

async function giveConsents({ runtime, tenant, provider }: Making, clientId: ClientId): Promise<Consenting[]> {
  const origin = { actorType: 'user' } as const;
  return inParallel(peopleCount, async (place) => {
    const email = `person-${place}-${clientId.toLowerCase()}@example.com`;
    const userId = await createUser(runtime.store, tenant.id, { email, isAdmin: false, createdAt: new Date() });
    if (!userId) throw new Error(`${email} is there already`);
    const request = { userId, clientId, resource, requestedScope };
    const page = await prepareConsent(runtime, tenant, request);
    if (!page.ok) throw new Error(`no consent page: ${page.failure.kind}`);
    const grantId = await makeGrant(provider, { userId, clientId });
    const { shownDigest } = page.value;
    const answer = { tickedTools: allowedTools, resources: false, prompts: false, duration: '30d', shownDigest } as const;
    const recorded = await recordConsent(runtime, tenant, { ...request, answer, grantId, origin });
    if (!recorded.ok) throw new Error(`no consent: ${recorded.failure.kind}`);
    return { userId, consentId: recorded.value.consentId };
  });
}

/** The engine's marker for an installation; what it may do is in the consent. */
async function makeGrant(provider: Provider, { userId, clientId }: { userId: string; clientId: string }): Promise<string> {
  const grant = new provider.Grant({ accountId: userId, clientId });
  grant.addResourceScope(resource, MARKER_SCOPE);
  return grant.save();
}

async function makeCode(making: Making, request: CodeRequest, { userId, consentId }: Consenting): Promise<string> {
  const { runtime, tenant, provider } = making;
  const { clientId, redirectUri, codeChallenge } = request;
  // Looked up once: the engine would ask the database for each code.
  const client = await once(making.clients, clientId, (id) => provider.Client.find(id));
  const grantId = await makeGrant(provider, { userId, clientId });
  const installation = { consentId, grantId, requestedScopes: [requestedScope], createdAt: new Date() };
  await createInstallation(runtime.store, tenant.id, installation);
  const code = new provider.AuthorizationCode({
    client,
    accountId: userId,
    grantId,
    redirectUri,
    resource,
    scope: MARKER_SCOPE,
    codeChallenge,
    codeChallengeMethod: 'S256',
    authTime: Math.floor(Date.now() / 1_000),
    gty: 'authorization_code',
  } as never);
  return code.save();
}

/** Does something `count` times, a few at a time, and returns what each gave. */
async function inParallel<T>(count: number, work: (place: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const worker = async () => {
    for (let place = next++; place < count; place = next++) results[place] = await work(place);
  };
  await Promise.all(Array.from({ length: atATime }, worker));
  return results;
}
