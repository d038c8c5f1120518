import { LRUCache } from 'lru-cache';
import { type ApiKeyId, idPrefixes, type ServerId, type SubjectId } from '../domain/ids.ts';
import { spellWholeScope } from '../domain/spell-scope.ts';
import { isEqualConstantTime, sha256 } from '../platform/digest.ts';
import { type Store, transact } from '../store/client.ts';
import { type ApiKeyFacts, findApiKeyFacts } from '../store/hot/introspection.ts';
import { findMachine, findMachineTools } from './find-machine.ts';
import { keyUseNotedSeconds, noteApiKeyUsed } from './note-api-key-use.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';

/** What a good key is worth at its server now. */
export interface ApiKeyAccess {
  id: ApiKeyId;
  subject: SubjectId;
  resource: string;
  /** Every tool that may be called, and extras; space-separated, empty when nothing is effective. */
  scope: string;
  issuedAt: Date;
  expiresAt: Date;
}

/** A key that was shown to a server, and who asks. */
export interface ApiKeyQuestion {
  serverId: ServerId;
  /** The key itself. */
  key: string;
  origin: Origin;
}

/**
 * What a key is worth for the server that asks. Uncached: what is revoked, disabled, narrowed or moved on counts from its commit.
 * Only the server that the key is for is told; for every other it is as good as unknown.
 */
export async function introspectApiKey(runtime: Runtime, tenant: Tenant, question: ApiKeyQuestion): Promise<ApiKeyAccess | undefined> {
  return describe(runtime, tenant, { question, facts: await findFacts(runtime, tenant, question) });
}

/** The same, for whoever shows a server's credential: `access` is absent for a key that is no good. Undefined for an unknown server and a wrong secret alike. */
export async function introspectApiKeyFor(
  runtime: Runtime,
  tenant: Tenant,
  { id, secret, ...asked }: { id: string; secret: string; key: string; origin: Origin },
): Promise<{ access?: ApiKeyAccess } | undefined> {
  if (!id.startsWith(idPrefixes.server) || id.length > 64) return undefined;
  const question = { ...asked, serverId: id as ServerId };
  const facts = await findFacts(runtime, tenant, question);
  if (!isEqualConstantTime(sha256(secret), facts?.credentialDigest ?? '') || !facts) return undefined;
  const access = await describe(runtime, tenant, { question, facts });
  return access ? { access } : {};
}

function findFacts({ store, clock }: Runtime, tenant: Tenant, { serverId, key }: ApiKeyQuestion): Promise<ApiKeyFacts | undefined> {
  return findApiKeyFacts(store, tenant.id, { serverId, digest: sha256(key), now: clock.now() });
}

async function describe(
  runtime: Runtime,
  tenant: Tenant,
  { question, facts }: { question: ApiKeyQuestion; facts: ApiKeyFacts | undefined },
): Promise<ApiKeyAccess | undefined> {
  const key = facts?.key;
  if (!key) return undefined;
  const { serverId, origin } = question;
  const scope = await findScope(runtime, tenant, { key, serverId });
  if (scope === undefined) return undefined;
  const noted = key.lastUsedAt?.getTime() ?? Number.NEGATIVE_INFINITY;
  if (noted < runtime.clock.now().getTime() - keyUseNotedSeconds * 1_000) {
    await transact(runtime.store, (db) => noteApiKeyUsed(runtime, db, { tenant, key: { ...key, serverId }, origin }));
  }
  const { id, subject, issuedAt, expiresAt } = key;
  return { id, subject, resource: facts.resource, scope, issuedAt, expiresAt };
}

/** How many scopes are remembered at most; most have a few hundred bytes. */
const maxKept = 5_000;

/** A longer scope is not remembered. */
const maxKeptCharacters = 4_096;

/** What a key comes to at one revision of all that says so; which one counts is read anew each time. */
const kept = new WeakMap<Store, LRUCache<string, KeptScope>>();

interface KeptScope {
  scope: string;
  /** When something in it ends by itself, before the key does. */
  endsAt?: Date;
}

async function findScope(
  runtime: Runtime,
  tenant: Tenant,
  { key, serverId }: { key: { id: ApiKeyId; revision?: string }; serverId: ServerId },
): Promise<string | undefined> {
  const { store, clock, metrics } = runtime;
  const now = clock.now();
  const scopes = kept.get(store) ?? new LRUCache({ max: maxKept });
  kept.set(store, scopes);
  const revision = key.revision && `${tenant.id} ${key.revision}`;
  const last = revision === undefined ? undefined : scopes.get(revision);
  const known = last?.endsAt && last.endsAt <= now ? undefined : last;
  metrics.countLookup('api-key-terms', known ? 'hit' : 'miss');
  if (known) return known.scope;
  const machine = await findMachine(runtime, store, { tenant, id: key.id, serverId, now });
  // It ended a moment ago.
  if ('problem' in machine) return undefined;
  const { expiresAt: _, ...inForce } = machine.terms;
  const { effective } = await findMachineTools(store, tenant, { machine: { ...machine, terms: inForce }, serverId, now, marginSeconds: 0 });
  const scope = spellWholeScope(effective);
  const { expiresAt: endsAt } = effective;
  if (revision !== undefined && scope.length <= maxKeptCharacters) scopes.set(revision, { scope, ...(endsAt && { endsAt }) });
  return scope;
}
