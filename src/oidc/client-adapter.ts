/** The engine's storage of clients: it finds them, and does nothing else with them. */
import Provider, { type Adapter, type AdapterPayload, type ClientMetadata as EngineClient } from 'oidc-provider';
import { type ApiKeyId, type ClientId, parseApiKeyId, type ServerId } from '../domain/ids.ts';
import { findApiKeyProof } from '../services/find-machine.ts';
import { noteClientUse } from '../services/reap-clients.ts';
import { findClient, isClientId, isServerClientId } from '../store/clients.ts';
import { findServerCredentialDigest } from '../store/servers.ts';
import { type AdapterEnvironment, currentState } from './adapter-environment.ts';
import { judgeBlockedClient } from './blocked-client.ts';
import { findAssertionKeys, type KeyedClient, showsAssertion } from './client-assertion.ts';
import { apiKeyAsEngineClient, serverAsEngineClient, toEngineClient } from './engine-client.ts';

/** The engine's `adapter` for its model `Client`. */
export class ClientAdapter implements Adapter {
  readonly #environment: AdapterEnvironment;

  constructor(environment: AdapterEnvironment) {
    this.#environment = environment;
  }

  /**
   * A client that registered or was made, a server by its credential (ENG-30), or an API key. Where the engine expects the secret it gets
   * its digest.
   */
  async find(id: string): Promise<AdapterPayload | undefined> {
    if (!isClientId(id)) return undefined;
    return (await this.#findAny(id)) as AdapterPayload | undefined;
  }

  #findAny(id: string): Promise<EngineClient | undefined> {
    const keyId = parseApiKeyId(id);
    if (keyId !== undefined) return this.#findApiKey(keyId);
    return isServerClientId(id) ? this.#findServer(id as ServerId) : this.#findClient(id as ClientId);
  }

  async #findClient(id: ClientId): Promise<EngineClient | undefined> {
    const { runtime, tenant } = this.#environment;
    const facts = currentState()?.short?.prepared.facts;
    if (facts?.consent.clientId === id) return this.#asEngineClient(id, { ...facts.client, isReliedOn: true });
    const machine = currentState()?.machine?.facts;
    if (machine?.clientId === id) return this.#asEngineClient(id, { ...machine.client, isReliedOn: true });
    const found = await findClient(runtime.store, tenant.id, id);
    if (found?.blockedAt) {
      const standing = await judgeBlockedClient(runtime, tenant, { clientId: id, request: Provider.ctx?.oidc });
      if (standing === 'unknown') return undefined;
    }
    // What an authorization request or a token request begins with must not be reaped in the middle of it.
    const client = found && (await noteClientUse(runtime, tenant, found));
    return client && this.#asEngineClient(id, { ...client, isReliedOn: client.firstAuthorizedAt !== undefined });
  }

  async #asEngineClient(id: ClientId, client: KeyedClient & SecretDigests): Promise<EngineClient> {
    const { runtime, tenant, callerOf } = this.#environment;
    const { metadata } = client;
    if (metadata.isProofOptional && !showsAssertion()) return toEngineClient(id, { ...metadata, authMethod: 'none' }, { digests: [] });
    const caller = Provider.ctx ? callerOf(Provider.ctx) : '';
    const keys = await findAssertionKeys(runtime, tenant, { ...client, caller });
    return toEngineClient(id, metadata, { digests: workingDigests(client, runtime.clock.now()), keys });
  }

  async #findApiKey(id: ApiKeyId): Promise<EngineClient | undefined> {
    const { runtime, tenant } = this.#environment;
    const digests = await findApiKeyProof(runtime, tenant, id);
    return digests.length === 0 ? undefined : apiKeyAsEngineClient(id, digests);
  }

  async #findServer(id: ServerId): Promise<EngineClient | undefined> {
    const { runtime, tenant } = this.#environment;
    const digest = await findServerCredentialDigest(runtime.store, tenant.id, id);
    return digest === undefined ? undefined : serverAsEngineClient(id, digest);
  }

  upsert = refuse;
  destroy = refuse;
  consume = refuse;
  findByUid = refuse;
  findByUserCode = refuse;
  revokeByGrantId = refuse;
}

interface SecretDigests {
  secretDigest?: string;
  previousSecret?: { digest: string; until: Date };
}

/** Of the secret, and of the one before while it works. */
function workingDigests({ secretDigest, previousSecret }: SecretDigests, now: Date): string[] {
  const previous = previousSecret && previousSecret.until > now ? [previousSecret.digest] : [];
  return secretDigest === undefined ? [] : [secretDigest, ...previous];
}

async function refuse(): Promise<never> {
  throw new Error('clients are registered, changed and removed by services, not by the engine');
}
