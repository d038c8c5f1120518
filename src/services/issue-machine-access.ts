import { type ApiKeyId, type ClientId, parseApiKeyId, type ServerId, type SubjectId } from '../domain/ids.ts';
import { givesAnything, narrowToScope } from '../domain/machine-scope.ts';
import { spellScope } from '../domain/spell-scope.ts';
import { sha256 } from '../platform/digest.ts';
import { assignApiKeyIndex, lockApiKey } from '../store/api-keys.ts';
import { recordAuditEvent } from '../store/audit.ts';
import type { Database } from '../store/client.ts';
import { findClient } from '../store/clients.ts';
import { keepSelection } from '../store/selections.ts';
import { assignIndex } from '../store/status.ts';
import { lockAssignment, noteAssignmentToken } from '../store/tool-assignments.ts';
import { findMachine, findMachineTools, type Machine, type MachineId, type MachineProblem } from './find-machine.ts';
import { type AccessGrant, describeIssue, minimumTokenSeconds, tokenEnd } from './issue-access.ts';
import { noteApiKeyUsed } from './note-api-key-use.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** What goes into an access token of a machine: there is no consent behind it, and nobody signed in. */
export interface MachineGrant extends Pick<AccessGrant, 'scope' | 'status' | 'selection' | 'expiresAt'> {
  subject: SubjectId;
}

/** A token, or why there is none; `nothing-granted`: of what was asked for, nothing is assigned and usable now. */
export type MachineIssue = { ok: true; grant: MachineGrant } | { ok: false; problem: MachineProblem | 'nothing-granted' };

/**
 * Decides what an access token of a machine may carry now. Runs on the transaction of the token request, with the assignment or key
 * locked, so that a token with old terms never gets a status index after a change has swept them.
 */
export async function issueMachineAccess(
  runtime: Runtime,
  db: Database,
  request: { tenant: Tenant; id: MachineId; serverId: ServerId; requestedScope: string | undefined; origin: Origin },
): Promise<MachineIssue> {
  const { tenant, id, serverId, requestedScope, origin } = request;
  const now = runtime.clock.now();
  await lockMachine(db, tenant, { id, serverId });
  const machine = await findMachine(runtime, db, { tenant, id, serverId, now });
  if ('problem' in machine) return { ok: false, problem: machine.problem };
  const { effective, catalogue } = await findMachineTools(db, tenant, { machine, serverId, now, marginSeconds: minimumTokenSeconds });
  const granted = narrowToScope(effective, requestedScope, catalogue);
  if (!givesAnything(granted)) return { ok: false, problem: 'nothing-granted' };

  const expiresAt = tokenEnd(runtime, { now, consentEnd: effective.expiresAt });
  const { scope, document } = spellScope(granted, machine.salt);
  const selection = document === undefined ? undefined : sha256(document);
  if (selection !== undefined && document !== undefined) await keepSelection(db, tenant.id, { sha256: selection, document, expiresAt });
  const status = machine.status ?? (await assignIndex(db, tenant.id, machine.holder.id, now));
  await noteToken(runtime, db, { tenant, machine, serverId, status, now, origin });
  await recordAuditEvent(db, tenant.id, {
    ...origin,
    type: 'token.issued',
    outcome: 'success',
    at: now,
    userId: machine.subject,
    ...aboutMachine(id),
    serverId,
    detail: describeMachineIssue({ tools: granted.allowed.length, leftOut: effective.leftOut }),
  });
  return {
    ok: true,
    grant: {
      scope,
      subject: machine.subject,
      status: { idx: status.index, uri: `${tenant.issuer}/status/${status.list}` },
      ...(selection !== undefined && { selection }),
      expiresAt,
    },
  };
}

/** Which machine an event is about. */
export function aboutMachine(id: MachineId): { clientId: ClientId } | { apiKeyId: ApiKeyId } {
  const apiKeyId = parseApiKeyId(id);
  return apiKeyId === undefined ? { clientId: id as ClientId } : { apiKeyId };
}

/** What the audit trail keeps of a machine's token. */
export function describeMachineIssue(issued: AccessGrant['issued']): Record<string, unknown> {
  return { ...describeIssue(issued), grant: 'client_credentials' };
}

async function lockMachine(db: Database, tenant: Tenant, { id, serverId }: { id: MachineId; serverId: ServerId }): Promise<void> {
  const keyId = parseApiKeyId(id);
  if (keyId !== undefined) return lockApiKey(db, tenant.id, keyId);
  const client = await findClient(db, tenant.id, id as ClientId);
  if (client?.serviceAccountId) await lockAssignment(db, tenant.id, { serviceAccountId: client.serviceAccountId, serverId });
}

async function noteToken(
  runtime: Runtime,
  db: Database,
  note: {
    tenant: Tenant;
    machine: Machine;
    serverId: ServerId;
    status: { list: number; index: number };
    now: Date;
    origin: Origin;
  },
): Promise<void> {
  const { tenant, machine, serverId, status, now, origin } = note;
  const { holder, subject } = machine;
  if (holder.kind === 'assignment') return noteAssignmentToken(db, tenant.id, holder.id, { at: now, status });
  if (!machine.status) await assignApiKeyIndex(db, tenant.id, holder.id, status);
  await noteApiKeyUsed(runtime, db, { tenant, key: { id: holder.id, subject, serverId }, origin });
}
