import { spellPolicy } from './policy-form.ts';
import type { WrittenServer, WrittenTenantFile } from './tenant-file.ts';
import type { PresentClient, PresentServer, TenantState } from './tenant-plan.ts';

/** Writes down what there is of a tenant in the form of a file; applied at once, it changes nothing. */
export function spellTenant({ servers, clients, groups, policy }: Omit<TenantState, 'people'>): WrittenTenantFile {
  const made = clients.filter(({ kind, isMachine, isBeingRemoved }) => kind === 'manual' && !isMachine && !isBeingRemoved);
  return {
    version: 1,
    servers: servers.map(spellServer),
    clients: made.map(spellClient),
    groups: groups.map(({ name, members }) => ({ name, members: members.map(({ email }) => email) })),
    policies: spellPolicy(policy),
  };
}

function spellServer({ resource, name, tools }: PresentServer): WrittenServer {
  const said = [...tools].flatMap(([tool, override]) =>
    override ? [[tool, { risk: override.risk, 'open-world': override.openWorld }] as const] : [],
  );
  return { resource, name, ...(said.length > 0 && { tools: Object.fromEntries(said) }) };
}

function spellClient({ id, metadata }: PresentClient): NonNullable<WrittenTenantFile['clients']>[number] {
  const { name, redirectUris, authMethod, grants, jwks, jwksUri } = metadata;
  const isUsual = grants.length === 2;
  return {
    id,
    name: name ?? id,
    'redirect-uris': [...redirectUris],
    ...(authMethod !== 'client_secret_basic' && { auth: authMethod }),
    ...(!isUsual && { grants: grants.filter((grant) => grant !== 'client_credentials') }),
    ...(jwks !== undefined && { jwks: { keys: jwks } }),
    ...(jwksUri !== undefined && { 'jwks-uri': jwksUri }),
  };
}
