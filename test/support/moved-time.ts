/** Time that a test moves forward; it goes on by itself in between. */
export interface MovedTime {
  forward(seconds: number): void;
  /** Gives the real time back. */
  restore(): void;
}

/**
 * Replaces the global `Date` of this process, which is what the protocol engine asks as well. Timers stay real, and so do
 * other processes: a browser's clock, and the database's.
 */
export function moveTime(): MovedTime {
  const RealDate = globalThis.Date;
  let offsetMs = 0;
  class MovedDate extends RealDate {
    constructor(...parts: [] | [number | string | Date]) {
      if (parts.length === 0) super(RealDate.now() + offsetMs);
      else super(...parts);
    }

    static override now(): number {
      return RealDate.now() + offsetMs;
    }

    /** Dates made before time was moved are dates too. */
    static override [Symbol.hasInstance](value: unknown): boolean {
      return value !== null && typeof value === 'object' && Object.prototype.toString.call(value) === '[object Date]';
    }
  }
  globalThis.Date = MovedDate as DateConstructor;
  return {
    forward(seconds) {
      offsetMs += seconds * 1_000;
    },
    restore() {
      globalThis.Date = RealDate;
    },
  };
}
