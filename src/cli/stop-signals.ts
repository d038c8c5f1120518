/** What a process asks to stop with: Ctrl-C, a service manager, a closed terminal. */
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Ctrl-C reaches everything in the foreground, and npm passes it on once more: two that come together are one.
 * A person who presses again does so later than this, in milliseconds.
 */
const sameTouchMs = 500;

/** The wish to stop. */
export interface StopRequest {
  /** Settles at the first signal. */
  requested: Promise<void>;
  isRequested(): boolean;
  /** Gives the signals back. */
  release(): void;
}

/** Listens for signals. The first one is a wish; `onImpatience` is called when another follows. */
export function listenForStop(of: NodeJS.Process, onImpatience: () => void): StopRequest {
  const wish = Promise.withResolvers<void>();
  let firstAt: number | undefined;
  const hear = () => {
    const now = performance.now();
    if (firstAt === undefined) {
      firstAt = now;
      wish.resolve();
    } else if (now - firstAt > sameTouchMs) onImpatience();
  };
  for (const signal of signals) of.on(signal, hear);
  return {
    requested: wish.promise,
    isRequested: () => firstAt !== undefined,
    release: () => {
      for (const signal of signals) of.off(signal, hear);
    },
  };
}
