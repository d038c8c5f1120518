import { type Extra, extrasToShow, type ShownExtra, type ShownTool, toolsToShow } from '../domain/consent-page.ts';
import type { ServerId, UserId } from '../domain/ids.ts';
import type { RulesInForce } from '../domain/policy.ts';
import { policyClientOfKey } from '../domain/policy-client.ts';
import { findServer, type StoredServer } from '../store/servers.ts';
import type { StoredTool } from '../store/tools.ts';
import { digestOfCatalogue } from './assign-tools.ts';
import { findCatalogue } from './find-catalogue.ts';
import { findRules } from './find-rules.ts';
import { ceilingOfChange } from './prepare-consent.ts';
import type { Runtime, Tenant } from './runtime.ts';

/** What a key of one's own may be made of, on one server. */
export interface ApiKeyProposal extends Record<Extra, ShownExtra> {
  server: StoredServer;
  tools: readonly ShownTool<StoredTool>[];
  /** Goes into the form and comes back: a key is made of what was shown only. */
  shownDigest: string;
}

/** A rule that names a key by its id cannot be about one that is still to be made. */
const keyToBe = policyClientOfKey('');

/** A key is used without anybody signing in: rules that want one never let it use anything. */
function forKeys({ allowing, denying }: RulesInForce): RulesInForce {
  return { allowing: allowing.filter(({ signedInWithinSeconds }) => signedInWithinSeconds === undefined), denying };
}

/**
 * Prepares the page on which a person makes a key for herself; nothing is ticked, and what the policy does not let her keys use cannot be.
 * Undefined when there is no such server.
 */
export async function prepareApiKey(
  runtime: Pick<Runtime, 'store' | 'clock' | 'log'>,
  tenant: Pick<Tenant, 'id'>,
  { userId, serverId }: { userId: UserId; serverId: ServerId },
): Promise<ApiKeyProposal | undefined> {
  const { store, clock } = runtime;
  const server = await findServer(store, tenant.id, serverId);
  if (!server) return undefined;
  const catalogue = await findCatalogue(runtime, store, { tenantId: tenant.id, server });
  const ceiling = ceilingOfChange(undefined);
  const rules = forKeys(await findRules(runtime, store, { tenantId: tenant.id, userId, client: keyToBe, server }));
  const state = { standing: undefined, isInQuarantine: false, rules, now: clock.now() };
  const tools = toolsToShow(catalogue, ceiling, state).map((shown) => ({ ...shown, ticked: false }));
  return { server, tools, ...extrasToShow(ceiling, state), shownDigest: digestOfCatalogue(catalogue) };
}
