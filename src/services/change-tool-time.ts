/** Until when one tool of a consent is allowed: a person chooses it for that tool alone, and leaves everything else as it was decided. */
import type { ConsentDuration } from '../domain/consent.ts';
import { type Failure, fail, type Outcome, succeed } from '../domain/failures.ts';
import type { ConsentId, UserId } from '../domain/ids.ts';
import { nothingAllowed } from '../domain/policy.ts';
import { settleToolTime, standingTime, type ToolInConsent } from '../domain/tool-time.ts';
import { recordAuditEvent } from '../store/audit.ts';
import type { Database } from '../store/client.ts';
import { findClient, type StoredClient } from '../store/clients.ts';
import type { StoredConsent } from '../store/consents.ts';
import { findServer, type StoredServer } from '../store/servers.ts';
import { listTools, type StoredTool } from '../store/tools.ts';
import { findOwnConsent } from './find-own-consent.ts';
import { findQuarantineNow } from './find-quarantine-now.ts';
import { findRulesOf } from './find-rules.ts';
import { problemWithParties } from './record-answer.ts';
import { type OwnConsentRequest, reviseConsent, withOwnConsent } from './revise-consent.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** One tool of a person's consent, as its page shows it. */
export interface ToolTimeProposal {
  client: StoredClient;
  server: StoredServer;
  state: ToolInConsent & { consent: StoredConsent; present: StoredTool };
  /** When it ends as it stands; absent: never by itself. */
  endsAt?: Date;
}

/** Finds what a person can choose a time for: a tool that counts now, of a consent of hers. */
export async function prepareToolTime(
  runtime: Runtime,
  tenant: Tenant,
  wanted: { userId: UserId; consentId: ConsentId; tool: string },
): Promise<Outcome<ToolTimeProposal>> {
  const found = await findOwnConsent(runtime, tenant, wanted);
  if (!found.ok) return found;
  const problem = await problemWithParties(runtime.store, tenant.id, found.value);
  if (problem) return fail(problem);
  return findProposal(runtime, runtime.store, { tenant, consent: found.value, tool: wanted.tool });
}

/**
 * Changes it, and ends the tokens of before. `shownVersion` is the version of the consent that the page showed: after another change
 * nothing is recorded, and the person looks again. What changes nothing is a success, and no version.
 */
export async function changeToolTime(
  runtime: Runtime,
  tenant: Tenant,
  request: OwnConsentRequest & { tool: string; duration: ConsentDuration; shownVersion: number; signedInAt?: Date },
): Promise<Outcome<{ consentId: ConsentId }>> {
  return withOwnConsent(runtime, { ...request, tenant }, async (db, consent) => {
    const problem = await problemWithParties(db, tenant.id, consent);
    if (problem) return fail(problem);
    if (consent.version !== request.shownVersion) return fail({ kind: 'page-outdated' });
    const proposal = await findProposal(runtime, db, { tenant, consent, tool: request.tool });
    if (!proposal.ok) return proposal;
    const { state } = proposal.value;
    const settled = settleToolTime(state, request.duration, request);
    if (!settled.ok) return fail('problem' in settled ? unknownTool(request.tool) : { kind: 'sign-in-needed', ...settled.needsSignIn });
    if (JSON.stringify(settled.tool) === JSON.stringify(state.tool)) return succeed(undefined);
    const tools = consent.tools.map((tool) => (tool === state.tool ? settled.tool : tool));
    const consentVersion = await reviseConsent(db, tenant.id, { consent, terms: { ...consent, tools }, at: state.at.now });
    const { id: consentId, userId, clientId, serverId, resources, prompts, expiresAt } = consent;
    await recordAuditEvent(db, tenant.id, {
      ...request.origin,
      type: 'consent.changed',
      outcome: 'success',
      at: state.at.now,
      ...{ userId, clientId, serverId, consentId, consentVersion },
      tool: request.tool,
      detail: {
        from: 'account',
        tools: tools.map(({ name }) => name),
        resources,
        prompts,
        expiresAt: expiresAt?.toISOString() ?? null,
        toolExpiresAt: (settled.tool.expiresAt ?? expiresAt)?.toISOString() ?? null,
      },
    });
    return succeed(undefined);
  });
}

async function findProposal(
  runtime: Runtime,
  db: Database,
  { tenant, consent, tool: name }: { tenant: Tenant; consent: StoredConsent; tool: string },
): Promise<Outcome<ToolTimeProposal>> {
  const client = await findClient(db, tenant.id, consent.clientId);
  const server = await findServer(db, tenant.id, consent.serverId);
  if (!client || !server) return fail({ kind: 'unknown-consent' });
  const tool = consent.tools.find((one) => one.name === name);
  const present = (await listTools(db, tenant.id, server.id)).find((one) => one.name === name);
  if (!tool || !present) return fail(unknownTool(name));
  const now = runtime.clock.now();
  const isInQuarantine = (await findQuarantineNow(db, tenant.id, { clientId: consent.clientId, now })) !== undefined;
  const rules = (await findRulesOf(runtime, db, { ...consent, tenantId: tenant.id })) ?? nothingAllowed;
  const state = { consent, tool, present, at: { now, isInQuarantine, rules } };
  const standing = standingTime(state);
  return standing ? succeed({ client, server, state, ...standing }) : fail(unknownTool(name));
}

function unknownTool(tool: string): Failure {
  return { kind: 'unknown-tool', tool };
}
