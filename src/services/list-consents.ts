import { isInForce } from '../domain/consent.ts';
import type { EffectiveTools } from '../domain/effective-tools.ts';
import { effectiveTools } from '../domain/effective-tools.ts';
import type { UserId } from '../domain/ids.ts';
import { findClient, type StoredClient } from '../store/clients.ts';
import { type ConsentParties, listConsents, type StoredConsent } from '../store/consents.ts';
import { type Installation, listInstallations } from '../store/installations.ts';
import { findServer, type StoredServer } from '../store/servers.ts';
import { listTools, type StoredTool } from '../store/tools.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** A consent as its person sees it. */
export interface ConsentOverview {
  consent: StoredConsent;
  client: StoredClient;
  server: StoredServer;
  /** The tools that may be called now, as the catalogue describes them, in its order. */
  tools: readonly StoredTool[];
  effective: EffectiveTools;
  installations: readonly Installation[];
  /** The newest token of any installation. */
  lastUsedAt?: Date;
  /** Within how many seconds a change takes effect at the server: 15 where it runs our library, else one token life. */
  effectWithinSeconds: number;
}

/** What revocation takes where the server checks our status list (the library's list age, with room for the way). */
const libraryEffectSeconds = 15;

/** Lists the consents in force of one person, newest first. */
export async function listConsentsOf(runtime: Runtime, tenant: Tenant, userId: UserId): Promise<ConsentOverview[]> {
  return overview(runtime, tenant, { userId });
}

/** Lists all consents in force that match, newest first; for administrators. */
export async function listAllConsents(runtime: Runtime, tenant: Tenant, filter: Partial<ConsentParties>): Promise<ConsentOverview[]> {
  return overview(runtime, tenant, filter);
}

async function overview(runtime: Runtime, tenant: Tenant, filter: Partial<ConsentParties>): Promise<ConsentOverview[]> {
  const now = runtime.clock.now();
  const consents = (await listConsents(runtime.store, tenant.id, filter)).filter((consent) => isInForce(consent, now));
  const installations = await listInstallations(
    runtime.store,
    tenant.id,
    consents.map(({ id }) => id),
  );
  const overviews: ConsentOverview[] = [];
  for (const consent of consents) {
    const client = await findClient(runtime.store, tenant.id, consent.clientId);
    const server = await findServer(runtime.store, tenant.id, consent.serverId);
    if (!client || !server) continue;
    const catalogue = await listTools(runtime.store, tenant.id, server.id);
    const effective = effectiveTools(consent, catalogue, { now, marginSeconds: 0 });
    const names = new Set(effective.allowed.map(({ name }) => name));
    const own = installations.filter(({ consentId }) => consentId === consent.id);
    const lastUsed = own.flatMap(({ lastTokenAt }) => lastTokenAt ?? []).sort((a, b) => b.getTime() - a.getTime())[0];
    overviews.push({
      consent,
      client,
      server,
      tools: catalogue.filter(({ name }) => names.has(name)),
      effective,
      installations: own,
      ...(lastUsed && { lastUsedAt: lastUsed }),
      effectWithinSeconds: effectSeconds(server, runtime),
    });
  }
  return overviews;
}

/** Within how many seconds a change of a consent takes effect at a server. */
export function effectSeconds(server: StoredServer, runtime: Pick<Runtime, 'lifetimes'>): number {
  return server.librarySeenAt ? libraryEffectSeconds : runtime.lifetimes.accessTokenSeconds;
}
