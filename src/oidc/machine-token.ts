/**
 * Client credentials (MCP-41): machine clients, and API keys that are exchanged for a token. The engine authenticates, we decide: what is
 * assigned on the server that is asked for, narrowed to the scope that is asked for. There is no refresh token, and no person behind it.
 */
import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { ServerId } from '../domain/ids.ts';
import { findOnlyResource, type MachineId } from '../services/find-machine.ts';
import { issueMachineAccess, type MachineGrant } from '../services/issue-machine-access.ts';
import { findServerOfResource } from '../services/prepare-consent.ts';
import type { EngineEnvironment } from './engine-environment.ts';
import { toMachineTokenError } from './errors.ts';
import { stateOf } from './request-state.ts';

/** Whether a token request is a machine's. */
export function isMachineRequest({ oidc }: KoaContextWithOIDC): boolean {
  return oidc.route === 'token' && oidc.params?.grant_type === 'client_credentials';
}

/**
 * The engine's `defaultResource`: a machine that names none means the one server that it may use, else the default one. Whatever else the
 * engine asks for without a resource of ours is refused (MCP-21).
 */
export async function chooseResource(environment: EngineEnvironment, ctx: KoaContextWithOIDC): Promise<string> {
  const { runtime, tenant, settings } = environment;
  if (!isMachineRequest(ctx)) throw new errors.InvalidTarget();
  const { unit } = stateOf(ctx);
  const find = (db: Parameters<typeof findOnlyResource>[0]) => findOnlyResource(db, tenant, machineIdOf(ctx));
  const resource = (await (unit ? unit.read(find) : find(runtime.store))) ?? settings.defaultResource;
  if (resource === undefined) throw new errors.InvalidTarget();
  return resource;
}

/** The server that a machine asks for, whatever the spelling (MCP-21, ENG-28). Throws `invalid_target`. */
export async function findMachineServer(
  { runtime, tenant }: EngineEnvironment,
  ctx: KoaContextWithOIDC,
  resource: string,
): Promise<{ id: ServerId; resource: string }> {
  const state = stateOf(ctx);
  if (state.machine) return state.machine.facts.server;
  const server = await findServerOfResource(runtime.store, tenant.id, resource);
  if (!server) throw new errors.InvalidTarget();
  state.machineServer = { id: server.id, resource: server.resource };
  return state.machineServer;
}

/** Decides what the token that is being made may say, on the request's own transaction. */
export async function decideMachineAccess(environment: EngineEnvironment, ctx: KoaContextWithOIDC): Promise<MachineGrant> {
  const { runtime, tenant } = environment;
  const { unit, machine, machineServer, askedScope } = stateOf(ctx);
  if (machine?.facts.clientId === machineIdOf(ctx)) return machine.grant;
  if (!unit || !machineServer) throw new Error('a machine token was about to be made outside a token request');
  const request = {
    tenant,
    id: machineIdOf(ctx),
    serverId: machineServer.id,
    requestedScope: askedScope,
    origin: environment.originOf(ctx),
  };
  const issue = await unit.write((db) => issueMachineAccess(runtime, db, request));
  if (!issue.ok) throw toMachineTokenError(issue.problem, askedScope);
  return issue.grant;
}

function machineIdOf({ oidc }: KoaContextWithOIDC): MachineId {
  if (!oidc.client) throw new Error('a machine token was about to be made for nobody');
  return oidc.client.clientId as MachineId;
}
