import { areEmpty } from '../domain/consent.ts';
import { fail, type Outcome, succeed } from '../domain/failures.ts';
import type { ConsentId } from '../domain/ids.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { type OwnConsentRequest, reviseConsent, withOwnConsent } from './revise-consent.ts';
import type { Runtime, Tenant } from './runtime.ts';

/**
 * Takes tools out of a person's consent, and leaves everything else as it was decided, what waits included. Names that are not in it are
 * passed over; nothing is left: refused, because that is a revocation. A paused consent is left alone.
 */
export async function dropTools(
  runtime: Runtime,
  tenant: Tenant,
  request: OwnConsentRequest & { tools: readonly string[] },
): Promise<Outcome<{ consentId: ConsentId }>> {
  const at = runtime.clock.now();
  const dropped = new Set(request.tools);
  return withOwnConsent(runtime, { ...request, tenant }, async (db, consent) => {
    const tools = consent.tools.filter(({ name }) => !dropped.has(name));
    if (tools.length === consent.tools.length) return succeed(undefined);
    const terms = { ...consent, tools };
    if (areEmpty(terms)) return fail({ kind: 'nothing-ticked' });
    const consentVersion = await reviseConsent(db, tenant.id, { consent, terms, at });
    const { id: consentId, userId, clientId, serverId, resources, prompts, expiresAt } = consent;
    await recordAuditEvent(db, tenant.id, {
      ...request.origin,
      type: 'consent.changed',
      outcome: 'success',
      at,
      ...{ userId, clientId, serverId, consentId, consentVersion },
      detail: {
        from: 'account',
        tools: tools.map(({ name }) => name),
        resources,
        prompts,
        expiresAt: expiresAt?.toISOString() ?? null,
      },
    });
    return succeed(undefined);
  });
}
