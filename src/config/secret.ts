import { inspect } from 'node:util';

/**
 * A secret that cannot be printed by mistake: logs, JSON, string templates and `console` all show `[secret]`.
 * Call `reveal` where it is used, and hand the value on rather than keep it.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The secret itself. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}
