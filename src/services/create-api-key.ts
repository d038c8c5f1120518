import { API_KEY_RANDOM_CHARACTERS, spellApiKey } from '../domain/api-key.ts';
import { areEmpty, type ConsentTerms } from '../domain/consent.ts';
import { type ApiKeyId, idPrefixes, type ServiceAccountId, type UserId } from '../domain/ids.ts';
import { sha256 } from '../platform/digest.ts';
import { randomAlphanumerics, randomId, randomToken } from '../platform/random.ts';
import { type ApiKeyOwner, createApiKey as createRow, listNamesOfApiKeys, type NewApiKey, type StoredApiKey } from '../store/api-keys.ts';
import { recordAuditEvent } from '../store/audit.ts';
import { type Database, transact } from '../store/client.ts';
import { findServiceAccount, lockServiceAccount } from '../store/service-accounts.ts';
import { findAssignment } from '../store/tool-assignments.ts';
import { findUser, lockUser } from '../store/users.ts';
import { keepAssignment, readToolChoice, type ToolChoice, type ToolChoiceProblem } from './assign-tools.ts';
import type { Origin, Runtime, Tenant } from './runtime.ts';
import { addServiceAccount } from './service-accounts.ts';

/** The most good keys that one person may have. */
export const maxApiKeysOfPerson = 50;

/** Whom a new key is to act as; a new account gets exactly what the key is made for. */
export type NewApiKeyOwner = ApiKeyOwner | { newAccount: true };

/** What a key is to be. */
export interface ApiKeyRequest extends ToolChoice {
  /** What its owner reads; 1 to 200 characters. No two good keys of a person have the same, so that she knows which is which. */
  name: string;
  owner: NewApiKeyOwner;
  lifetimeSeconds: number;
  origin: Origin;
}

/** Why there is no key; `not-assigned`: it would be stronger than the account that it is to act as. */
export type ApiKeyProblem =
  | ToolChoiceProblem
  | { kind: 'unknown-account' }
  | { kind: 'account-disabled' }
  | { kind: 'not-assigned'; tool: string }
  | { kind: 'nothing-chosen' }
  | { kind: 'too-many-keys' }
  | { kind: 'name-taken' };

/** A key, which is told once only; or why not. */
export type ApiKeyCreation = { ok: true; secret: string; key: NewApiKey } | { ok: false; problem: ApiKeyProblem };

/** A new key, as it is told once. */
export function newApiKeySecret(): string {
  return spellApiKey(randomAlphanumerics(API_KEY_RANDOM_CHARACTERS));
}

/** Carries a problem out of a transaction, so that nothing of it stays. */
class Refused extends Error {
  readonly problem: ApiKeyProblem;
  constructor(problem: ApiKeyProblem) {
    super(problem.kind);
    this.problem = problem;
  }
}

/** Makes a key: for the person who asks, or by an administrator for a service account. Nobody makes one that acts as another person. */
export async function createApiKey(
  runtime: Pick<Runtime, 'store' | 'clock'>,
  tenant: Pick<Tenant, 'id'>,
  request: ApiKeyRequest,
): Promise<ApiKeyCreation> {
  const { name, serverId, lifetimeSeconds, origin } = request;
  const secret = newApiKeySecret();
  try {
    const key = await transact(runtime.store, async (db): Promise<NewApiKey> => {
      const read = await readToolChoice(db, tenant, request);
      if (!read.ok) throw new Refused(read.problem);
      if (areEmpty(read.terms)) throw new Refused({ kind: 'nothing-chosen' });
      const owner = await settleOwner(runtime, db, { tenant, request, terms: read.terms });
      const createdAt = runtime.clock.now();
      const made: NewApiKey = {
        id: randomId(idPrefixes.apiKey) as ApiKeyId,
        name,
        owner,
        serverId,
        ...read.terms,
        salt: randomToken(16),
        digest: sha256(secret),
        lifetimeSeconds,
        createdAt,
        expiresAt: new Date(createdAt.getTime() + lifetimeSeconds * 1_000),
      };
      await createRow(db, tenant.id, made);
      await recordAuditEvent(db, tenant.id, {
        ...origin,
        ...aboutKey(made),
        type: 'api-key.created',
        outcome: 'success',
        at: createdAt,
        detail: { name, ...describeTerms(read.terms), expiresAt: made.expiresAt.toISOString() },
      });
      return made;
    });
    return { ok: true, secret, key };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, problem: error.problem };
    throw error;
  }
}

/** Whom and what an event about a key concerns. */
export function aboutKey({ id, owner, serverId }: Pick<StoredApiKey, 'id' | 'owner' | 'serverId'>) {
  return { userId: 'userId' in owner ? owner.userId : owner.serviceAccountId, serverId, apiKeyId: id };
}

function describeTerms({ tools, resources, prompts }: ConsentTerms) {
  return { tools: tools.map(({ name }) => name), resources, prompts };
}

async function settleOwner(
  runtime: Pick<Runtime, 'clock'>,
  db: Database,
  about: { tenant: Pick<Tenant, 'id'>; request: ApiKeyRequest; terms: ConsentTerms },
): Promise<ApiKeyOwner> {
  const { tenant, request, terms } = about;
  const { owner, name, serverId, origin } = request;
  if ('userId' in owner) return requirePerson(runtime, db, { tenant, userId: owner.userId, name });
  if ('serviceAccountId' in owner) return requireAccount(db, { tenant, serviceAccountId: owner.serviceAccountId, request, terms });
  const serviceAccountId = await addServiceAccount(runtime, db, { tenant, name, origin });
  await keepAssignment(runtime, db, { tenant, serviceAccountId, serverId, terms, origin });
  return { serviceAccountId };
}

async function requirePerson(
  runtime: Pick<Runtime, 'clock'>,
  db: Database,
  { tenant, userId, name }: { tenant: Pick<Tenant, 'id'>; userId: UserId; name: string },
): Promise<ApiKeyOwner> {
  await lockUser(db, tenant.id, userId);
  const user = await findUser(db, tenant.id, userId);
  if (!user || user.disabledAt) throw new Refused({ kind: user ? 'account-disabled' : 'unknown-account' });
  const kind = await problemWithAnother(db, tenant, { userId, name, now: runtime.clock.now() });
  if (kind) throw new Refused({ kind });
  return { userId };
}

/** Why a person can have no other good key of this name. Lock her first: her keys are counted. */
export async function problemWithAnother(
  db: Database,
  tenant: Pick<Tenant, 'id'>,
  { userId, name, now }: { userId: UserId; name: string; now: Date },
): Promise<'too-many-keys' | 'name-taken' | undefined> {
  const names = await listNamesOfApiKeys(db, tenant.id, userId, now);
  if (names.length >= maxApiKeysOfPerson) return 'too-many-keys';
  return names.includes(name) ? 'name-taken' : undefined;
}

async function requireAccount(
  db: Database,
  about: { tenant: Pick<Tenant, 'id'>; serviceAccountId: ServiceAccountId; request: ApiKeyRequest; terms: ConsentTerms },
): Promise<ApiKeyOwner> {
  const { tenant, serviceAccountId, request, terms } = about;
  await lockServiceAccount(db, tenant.id, serviceAccountId);
  const account = await findServiceAccount(db, tenant.id, serviceAccountId);
  if (!account || account.disabledAt) throw new Refused({ kind: account ? 'account-disabled' : 'unknown-account' });
  const assigned = await findAssignment(db, tenant.id, { serviceAccountId, serverId: request.serverId });
  const names = new Set(assigned?.tools.map((tool) => tool.name));
  const beyond = terms.tools.find((tool) => !names.has(tool.name))?.name ?? beyondExtras(terms, assigned);
  if (beyond !== undefined) throw new Refused({ kind: 'not-assigned', tool: beyond });
  return { serviceAccountId };
}

function beyondExtras(terms: ConsentTerms, assigned: ConsentTerms | undefined): string | undefined {
  if (terms.resources && !assigned?.resources) return 'resources';
  return terms.prompts && !assigned?.prompts ? 'prompts' : undefined;
}
