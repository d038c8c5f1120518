import type { Adapter, AdapterPayload } from 'oidc-provider';

/** What the bare engine keeps, for as long as its process lives. */
export class MemoryStore {
  readonly #payloads = new Map<string, AdapterPayload>();

  /** The engine's `adapter` setting. */
  readonly adapter = (model: string): Adapter => new MemoryAdapter(model, this.#payloads);

  /** Forgets everything but clients. */
  forgetGrants(): void {
    for (const key of this.#payloads.keys()) if (!key.startsWith('Client:')) this.#payloads.delete(key);
  }
}

/**
 * Keeps the engine's artifacts in a map and does nothing else: no digests, no expiry, no compare-and-set. The engine's own
 * memory adapter forgets all but the newest thousand, which is fewer codes than one measurement redeems.
 */
class MemoryAdapter implements Adapter {
  readonly #model: string;
  readonly #payloads: Map<string, AdapterPayload>;

  constructor(model: string, payloads: Map<string, AdapterPayload>) {
    this.#model = model;
    this.#payloads = payloads;
  }

  async upsert(id: string, payload: AdapterPayload): Promise<void> {
    this.#payloads.set(this.#keyOf(id), payload);
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    return this.#payloads.get(this.#keyOf(id));
  }

  async findByUid(): Promise<undefined> {}

  async findByUserCode(): Promise<undefined> {}

  async consume(id: string): Promise<void> {
    const payload = this.#payloads.get(this.#keyOf(id));
    if (payload) payload.consumed = Math.floor(Date.now() / 1_000);
  }

  async destroy(id: string): Promise<void> {
    this.#payloads.delete(this.#keyOf(id));
  }

  async revokeByGrantId(): Promise<void> {}

  #keyOf(id: string): string {
    return `${this.#model}:${id}`;
  }
}
