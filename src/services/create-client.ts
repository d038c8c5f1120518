import { type ClientGrant, type ClientMetadataProblem, hasSecret, parseClientMetadata } from '../domain/client-metadata.ts';
import type { ConsentTerms } from '../domain/consent.ts';
import { sha256 } from '../platform/digest.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { type Database, transact } from '../store/client.ts';
import { createClient, type StoredClient } from '../store/clients.ts';
import { keepAssignment, readToolChoice, type ToolChoice, type ToolChoiceProblem } from './assign-tools.ts';
import { newClientId, newClientSecret } from './client-credentials.ts';
import { describeMetadata } from './register-client.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';
import { addServiceAccount } from './service-accounts.ts';

/** What an admin says about a client. */
export interface ClientRequest {
  name: string;
  redirectUris: readonly string[];
  /** One of the methods of `ClientAuthMethod`; anything else is a problem of the outcome. Default `client_secret_basic`. */
  authMethod?: string;
  /** A JWK set, for `private_key_jwt`; or where the client publishes it. */
  jwks?: unknown;
  jwksUri?: string;
  /** Default `authorization_code` and `refresh_token`. With `client_credentials` it acts as a service account of its own. */
  grants?: readonly (ClientGrant | string)[];
  /** What that account may do on a server; without it, nothing anywhere (ABUSE-62). */
  assignment?: ToolChoice;
  /** Made by `serve --demo`. */
  demo?: boolean;
}

/** A client with its secret, which is told once only; or why not. */
export type ClientCreation =
  | { ok: true; client: StoredClient; secret?: string; assigned?: ConsentTerms }
  | { ok: false; problem: ClientMetadataProblem | (ToolChoiceProblem & { reason: string }) };

/** Makes a client by hand. Its metadata obeys the rules of those who register themselves, and grants that are not offered are a problem. */
export async function createManualClient(
  runtime: Runtime,
  tenant: Tenant,
  { request, origin }: { request: ClientRequest; origin: Origin },
): Promise<ClientCreation> {
  const parsed = parseClientMetadata(
    {
      client_name: request.name,
      redirect_uris: request.redirectUris,
      token_endpoint_auth_method: request.authMethod,
      grant_types: request.grants,
      jwks: request.jwks,
      jwks_uri: request.jwksUri,
    },
    { byHand: true },
  );
  if (!parsed.ok) return parsed;
  const { metadata } = parsed;
  const problem = findContradiction(request, metadata.grants);
  if (problem !== undefined) return { ok: false, problem: { kind: 'metadata', reason: problem } };
  const secret = hasSecret(metadata.authMethod) ? newClientSecret() : undefined;
  const createdAt = runtime.clock.now();
  const client: StoredClient = {
    id: newClientId(),
    kind: 'manual',
    metadata,
    demo: request.demo ?? false,
    createdAt,
    reapAfter: createdAt,
    ...(secret !== undefined && { secretDigest: sha256(secret) }),
  };
  return transact(runtime.store, async (db): Promise<ClientCreation> => {
    const machine = metadata.grants.includes('client_credentials') ? await readMachine(db, tenant, request) : undefined;
    if (machine && !machine.ok) return machine;
    const serviceAccountId = machine && (await addServiceAccount(runtime, db, { tenant, name: request.name, origin }));
    const made = { ...client, ...(serviceAccountId && { serviceAccountId }) };
    await createClient(db, tenant.id, made);
    await recordAuditEvent(db, tenant.id, {
      ...origin,
      type: 'client.registered',
      outcome: 'success',
      at: client.createdAt,
      clientId: client.id,
      detail: describeMetadata(client.id, metadata),
    });
    const told = { ok: true, client: made, ...(secret !== undefined && { secret }) } as const;
    if (!serviceAccountId || !machine.terms || !request.assignment) return told;
    const { serverId } = request.assignment;
    await keepAssignment(runtime, db, { tenant, serviceAccountId, serverId, terms: machine.terms, origin });
    return { ...told, assigned: machine.terms };
  });
}

function findContradiction({ grants, assignment }: ClientRequest, kept: readonly ClientGrant[]): string | undefined {
  const unknown = grants?.find((grant) => !kept.some((known) => known === grant));
  if (unknown === 'refresh_token') return 'refresh_token goes with authorization_code alone: a machine asks for another token instead';
  if (unknown !== undefined) return `the grant ${unknown} is not offered`;
  return assignment && !kept.includes('client_credentials')
    ? 'tools are assigned to clients of the grant client_credentials alone'
    : undefined;
}

async function readMachine(
  db: Database,
  tenant: Tenant,
  { assignment }: ClientRequest,
): Promise<{ ok: true; terms?: ConsentTerms } | Extract<ClientCreation, { ok: false }>> {
  if (!assignment) return { ok: true };
  const read = await readToolChoice(db, tenant, assignment);
  if (read.ok) return read;
  const { problem } = read;
  const reason = problem.kind === 'unknown-tool' ? `the server has no tool ${problem.tool}` : 'there is no such server';
  return { ok: false, problem: { ...problem, reason } };
}
