/** What a file of a tenant would change, compared with what there is: pure. The same for a dry run and for the real one. */
import type { ClientMetadata } from './client-metadata.ts';
import type { ClientKind } from './client-trust.ts';
import type { ClientId, ServerId, UserId } from './ids.ts';
import { comparePolicies, everyone, isSameRule, type Policy, type PolicyChange } from './policy.ts';
import type { ResourceUri } from './resource-uri.ts';
import type { RiskProfile } from './risk.ts';
import { fitsServerPattern } from './server-pattern.ts';
import type { TenantFile } from './tenant-file.ts';
import type { WrittenProblem } from './written-problems.ts';

/** A server as it is. */
export interface PresentServer {
  id: ServerId;
  resource: string;
  resourceKey: string;
  name: string;
  /** Its tools by name, with what an administrator said of each. */
  tools: ReadonlyMap<string, RiskProfile | undefined>;
}

/** A client as it is. */
export interface PresentClient {
  id: ClientId;
  kind: ClientKind;
  metadata: ClientMetadata;
  /** Acts by itself: not of this file. */
  isMachine: boolean;
  isBeingRemoved: boolean;
}

/** People in a group. */
export interface Person {
  userId: UserId;
  email: string;
}

/** All that a file can speak of, as it is. */
export interface TenantState {
  servers: readonly PresentServer[];
  clients: readonly PresentClient[];
  groups: readonly { name: string; members: readonly Person[] }[];
  /** Those whom the file names, by address. */
  people: ReadonlyMap<string, UserId>;
  policy: Policy;
}

/** One thing that a file changes. */
export type TenantChange =
  | { kind: 'add-server'; uri: ResourceUri; name: string; tools: ReadonlyMap<string, RiskProfile> }
  | { kind: 'rename-server'; server: PresentServer; name: string }
  | { kind: 'set-risk'; server: PresentServer; tool: string; before: RiskProfile | undefined; now: RiskProfile | undefined }
  | { kind: 'add-client'; id: ClientId; metadata: ClientMetadata }
  | { kind: 'change-client'; client: PresentClient; metadata: ClientMetadata; members: readonly string[] }
  | { kind: 'add-group'; name: string }
  | { kind: 'change-members'; group: string; add: readonly Person[]; remove: readonly Person[] }
  | { kind: 'change-policy'; policy: Policy; change: PolicyChange };

/** What would be done, what keeps it from being done, and what is worth knowing. Paths are those of the file. */
export interface TenantPlan {
  changes: readonly TenantChange[];
  problems: readonly WrittenProblem[];
  notes: readonly WrittenProblem[];
}

/** Plans a file. With problems, nothing of it is to be done. */
export function planTenant(file: TenantFile, state: TenantState): TenantPlan {
  const parts = [planServers(file, state), planClients(file, state), planGroups(file, state), planPolicy(file, state)];
  return {
    changes: parts.flatMap(({ changes }) => changes),
    problems: parts.flatMap(({ problems }) => problems),
    notes: parts.flatMap(({ notes }) => notes),
  };
}

function planServers({ servers = [] }: TenantFile, state: TenantState): TenantPlan {
  const present = new Map(state.servers.map((server) => [server.resourceKey, server]));
  const notes: WrittenProblem[] = [];
  const changes = servers.flatMap(({ resource, name, tools }, index): TenantChange[] => {
    const server = present.get(resource.key);
    if (!server) return [{ kind: 'add-server', uri: resource, name, tools: tools ?? new Map() }];
    for (const tool of tools?.keys() ?? []) {
      if (!server.tools.has(tool)) notes.push({ path: ['servers', index, 'tools', tool], problem: unknownTool, isUnknownName: true });
    }
    const renamed: TenantChange[] = server.name === name ? [] : [{ kind: 'rename-server', server, name }];
    return [...renamed, ...planRisks(server, tools)];
  });
  return { changes, problems: [], notes };
}

/** A note on a tool that a file speaks of and the server does not have. */
export const unknownTool = 'is no tool that the server has now: apply the file once more when it has';

function planRisks(server: PresentServer, said: ReadonlyMap<string, RiskProfile> | undefined): TenantChange[] {
  if (!said) return [];
  return [...server.tools].flatMap(([tool, before]): TenantChange[] => {
    const now = said.get(tool);
    const isSame = before?.risk === now?.risk && before?.openWorld === now?.openWorld;
    return isSame ? [] : [{ kind: 'set-risk', server, tool, before, now }];
  });
}

function planClients({ clients = [] }: TenantFile, state: TenantState): TenantPlan {
  const present = new Map<string, PresentClient>(state.clients.map((client) => [client.id, client]));
  const problems: WrittenProblem[] = [];
  const changes = clients.flatMap(({ id, metadata }, index): TenantChange[] => {
    const client = present.get(id);
    if (!client) return [{ kind: 'add-client', id: id as ClientId, metadata }];
    const problem = problemWith(client);
    if (problem !== undefined) {
      problems.push({ path: ['clients', index, 'id'], problem });
      return [];
    }
    // What the file has no word for stays as it is.
    const { postLogoutRedirectUris, clientUri, logoUri, policyUri, tosUri, authSigningAlg } = client.metadata;
    const merged = defined({ ...metadata, postLogoutRedirectUris, clientUri, logoUri, policyUri, tosUri, authSigningAlg });
    // One without a name is written down by its id.
    const before = { ...client.metadata, name: client.metadata.name ?? client.id };
    const members = changedMembers(before, merged);
    return members.length === 0 ? [] : [{ kind: 'change-client', client, metadata: merged, members }];
  });
  return { changes, problems, notes: [] };
}

function problemWith({ kind, isMachine, isBeingRemoved }: PresentClient): string | undefined {
  if (isBeingRemoved) return 'is being removed: try again in a minute';
  if (kind !== 'manual') return 'is a client that registered itself: take it out, or name it in rules';
  return isMachine ? 'is a machine client, which this file is not about: take it out' : undefined;
}

/** What a file says of a client, by the names there. */
const clientMembers: readonly (readonly [string, keyof ClientMetadata])[] = [
  ['name', 'name'],
  ['redirect-uris', 'redirectUris'],
  ['auth', 'authMethod'],
  ['grants', 'grants'],
  ['jwks', 'jwks'],
  ['jwks-uri', 'jwksUri'],
];

function changedMembers(before: ClientMetadata, now: ClientMetadata): string[] {
  const spell = (value: unknown) =>
    JSON.stringify(value ?? null, (_, part: unknown) => (isRecord(part) ? Object.fromEntries(Object.entries(part).sort()) : part));
  return clientMembers.filter(([, member]) => spell(before[member]) !== spell(now[member])).map(([name]) => name);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function defined(metadata: { [Member in keyof ClientMetadata]: ClientMetadata[Member] | undefined }): ClientMetadata {
  return Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== undefined)) as unknown as ClientMetadata;
}

function planGroups({ groups = [] }: TenantFile, state: TenantState): TenantPlan {
  const present = new Map(state.groups.map((group) => [group.name, group.members]));
  const problems: WrittenProblem[] = [];
  const changes = groups.flatMap(({ name, members }, index): TenantChange[] => {
    const before = present.get(name);
    const added: TenantChange[] = before ? [] : [{ kind: 'add-group', name }];
    if (!members) return added;
    const wanted = members.flatMap((email, place): Person[] => {
      const userId = state.people.get(email);
      if (userId) return [{ userId, email }];
      problems.push({
        path: ['groups', index, 'members', place],
        problem: `is nobody's address here: invite the person first (toolgrant user invite --email ${email}), or correct it`,
      });
      return [];
    });
    const [ids, had] = [new Set(wanted.map(({ userId }) => userId)), new Set(before?.map(({ userId }) => userId))];
    const add = wanted.filter(({ userId }, place) => !had.has(userId) && wanted.findIndex((one) => one.userId === userId) === place);
    const remove = (before ?? []).filter(({ userId }) => !ids.has(userId));
    return add.length + remove.length === 0 ? added : [...added, { kind: 'change-members', group: name, add, remove }];
  });
  return { changes, problems, notes: [] };
}

function planPolicy(file: TenantFile, state: TenantState): TenantPlan {
  const { policies } = file;
  if (!policies) return { changes: [], problems: [], notes: [] };
  const change = comparePolicies(state.policy, policies);
  const known = {
    groups: new Set([everyone, ...state.groups.map(({ name }) => name), ...(file.groups ?? []).map(({ name }) => name)]),
    servers: [...state.servers.map(({ resourceKey }) => resourceKey), ...(file.servers ?? []).map(({ resource }) => resource.key)],
    clients: new Set<string>([...state.clients.map(({ id }) => id), ...(file.clients ?? []).map(({ id }) => id)]),
    tools: new Set(state.servers.flatMap(({ tools }) => [...tools.keys()])),
    /** Of these nobody has read the tools yet. */
    hasNewServers: (file.servers ?? []).some(({ resource }) => !state.servers.some(({ resourceKey }) => resourceKey === resource.key)),
  };
  const problems: WrittenProblem[] = [];
  const notes: WrittenProblem[] = [];
  const inForce = new Map(state.policy.rules.map((rule) => [rule.name, rule]));
  for (const [index, rule] of policies.rules.entries()) {
    const before = inForce.get(rule.name);
    // What a rule in force names can be gone: it is for nobody by it, and stays.
    const amiss = before && isSameRule(before, rule) ? notes : problems;
    for (const [place, group] of rule.groups?.entries() ?? []) {
      if (known.groups.has(group)) continue;
      amiss.push({
        path: ['policies', index, 'groups', place],
        problem: `names no group that there is: add it under groups, or make it (toolgrant group create ${JSON.stringify(group)})`,
      });
    }
    for (const [place, server] of rule.servers?.entries() ?? []) {
      if (known.servers.some((key) => fitsServerPattern(server, key))) continue;
      const path = ['policies', index, 'servers', place];
      if (server.includes('*')) notes.push({ path, problem: 'fits no server that there is now' });
      else
        amiss.push({
          path,
          problem: 'names no server that there is: add it under servers, or write it as it is registered (toolgrant server list)',
        });
    }
    for (const [place, { id }] of rule.clients?.entries() ?? []) {
      if (id === undefined || known.clients.has(id)) continue;
      const path = ['policies', index, 'clients', place];
      if (id.includes('*')) {
        const problem = "has *, which ids of clients do not know: describe them by their host ({host: '*.example.com'}), kind or verified";
        amiss.push({ path, problem });
      } else if (!URL.canParse(id)) notes.push({ path, problem: 'names no client that there is now (toolgrant client list)' });
    }
    for (const [place, { name }] of rule.tools?.entries() ?? []) {
      if (name === undefined || name.includes('*') || known.tools.has(name) || known.hasNewServers) continue;
      notes.push({ path: ['policies', index, 'tools', place], problem: 'names no tool that any server has now' });
    }
  }
  return { changes: change ? [{ kind: 'change-policy', policy: policies, change }] : [], problems, notes };
}
