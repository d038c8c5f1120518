import { inspect } from 'node:util';

/**
 * A secret that cannot be printed by mistake: logs, JSON, string templates and `console` all show `[secret]`.
 * Call `reveal` where it is used, and hand the value on rather than keep it.
 */
export class Secret<Value = string> {
  readonly #value: Value;

  constructor(value: Value) {
    this.#value = value;
  }

  /** The secret itself. */
  reveal(): Value {
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
