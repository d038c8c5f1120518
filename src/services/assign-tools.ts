import { areEmpty, asShown, type CatalogueTool, type ConsentTerms } from '../domain/consent.ts';
import type { ServerId, ServiceAccountId } from '../domain/ids.ts';
import { sha256 } from '../platform/digest.ts';
import { randomToken } from '../platform/random.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { type Database, transact } from '../store/client.ts';
import { invalidateMachineStatus } from '../store/machine-status.ts';
import { holdServer } from '../store/servers.ts';
import { lockServiceAccount } from '../store/service-accounts.ts';
import { deleteAssignment, putAssignment } from '../store/tool-assignments.ts';
import { listCatalogue } from '../store/tools.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** What is chosen on one server. */
export interface ToolChoice {
  serverId: ServerId;
  /** Names of tools. */
  tools: readonly string[];
  resources: boolean;
  prompts: boolean;
  /** What was looked at when choosing (`digestOfCatalogue`): nothing is chosen out of another catalogue. */
  shownDigest?: string;
}

/** Why a choice cannot be. */
export type ToolChoiceProblem = { kind: 'unknown-server' } | { kind: 'unknown-tool'; tool: string } | { kind: 'page-outdated' };

/** Says exactly what tools there are to choose from, whatever their order. */
export function digestOfCatalogue(tools: readonly CatalogueTool[]): string {
  const facts = tools.map(({ name, digest, risk, openWorld }) => JSON.stringify([name, digest, risk, openWorld]));
  return sha256(facts.toSorted().join('\n'));
}

/**
 * Reads a choice against the catalogue as it is now, and keeps that as it is until the transaction ends: what was chosen is known by its
 * digest and its risk, so that a tool that becomes riskier waits until somebody has looked again.
 */
export async function readToolChoice(
  db: Database,
  tenant: Pick<Tenant, 'id'>,
  { serverId, tools, resources, prompts, shownDigest }: ToolChoice,
): Promise<{ ok: true; terms: ConsentTerms } | { ok: false; problem: ToolChoiceProblem }> {
  if (!(await holdServer(db, tenant.id, serverId))) return { ok: false, problem: { kind: 'unknown-server' } };
  const offered = await listCatalogue(db, tenant.id, serverId);
  if (shownDigest !== undefined && shownDigest !== digestOfCatalogue(offered)) return { ok: false, problem: { kind: 'page-outdated' } };
  const catalogue = new Map(offered.map((tool) => [tool.name, tool]));
  const missing = tools.find((name) => !catalogue.has(name));
  if (missing !== undefined) return { ok: false, problem: { kind: 'unknown-tool', tool: missing } };
  const chosen = [...catalogue.values()].filter(({ name }) => tools.includes(name)).map(asShown);
  return { ok: true, terms: { tools: chosen, resources, prompts } };
}

/** What was assigned, or why not. */
export type Assigning = { ok: true; terms: ConsentTerms } | { ok: false; problem: ToolChoiceProblem | { kind: 'unknown-account' } };

/**
 * Says what a service account may do on a server, in place of what was said before; nothing at all takes it away. Tokens that it has end:
 * its next ones are what it may do now.
 */
export async function assignTools(
  runtime: Pick<Runtime, 'store' | 'clock'>,
  tenant: Pick<Tenant, 'id'>,
  { serviceAccountId, choice, origin }: { serviceAccountId: ServiceAccountId; choice: ToolChoice; origin: Origin },
): Promise<Assigning> {
  return transact(runtime.store, async (db): Promise<Assigning> => {
    if (!(await lockServiceAccount(db, tenant.id, serviceAccountId))) return { ok: false, problem: { kind: 'unknown-account' } };
    const read = await readToolChoice(db, tenant, choice);
    if (!read.ok) return read;
    await keepAssignment(runtime, db, { tenant, serviceAccountId, serverId: choice.serverId, terms: read.terms, origin });
    return read;
  });
}

/** Writes an assignment that was read, for an account that the caller holds. */
export async function keepAssignment(
  runtime: Pick<Runtime, 'clock'>,
  db: Database,
  about: { tenant: Pick<Tenant, 'id'>; serviceAccountId: ServiceAccountId; serverId: ServerId; terms: ConsentTerms; origin: Origin },
): Promise<void> {
  const { tenant, serviceAccountId, serverId, terms, origin } = about;
  const at = runtime.clock.now();
  await invalidateMachineStatus(db, tenant.id, { serviceAccountId, serverId }, at);
  if (areEmpty(terms)) await deleteAssignment(db, tenant.id, { serviceAccountId, serverId });
  else await putAssignment(db, tenant.id, { serviceAccountId, serverId, terms, salt: randomToken(16), assignedAt: at });
  const { tools, resources, prompts } = terms;
  await recordAuditEvent(db, tenant.id, {
    ...origin,
    type: 'service-account.tools-assigned',
    outcome: 'success',
    at,
    userId: serviceAccountId,
    serverId,
    detail: { tools: tools.map(({ name }) => name), resources, prompts },
  });
}
