/** Every TCP connection that this process tries to make: seen below all libraries, whether anybody listens or answers there or not. */
import { createHook } from 'node:async_hooks';

/** What is watched. */
export interface WatchedConnections {
  /** Where connections went since the beginning or the last `forget`, as `address:port`, in that order; without those that are expected. */
  tried(): string[];
  forget(): void;
  stop(): void;
}

/** Begins to watch. `expected` are ports of this machine that tests go to themselves. */
export function watchConnections(expected: readonly number[]): WatchedConnections {
  // Node tells of a connection before it has written down where it leads; by the time that somebody asks, it has.
  let made: { address?: string; port?: number }[] = [];
  const hook = createHook({
    init(_id, type, _trigger, resource) {
      if (type === 'TCPCONNECTWRAP') made.push(resource);
    },
  }).enable();
  return {
    tried: () => made.filter(({ port }) => port === undefined || !expected.includes(port)).map(({ address, port }) => `${address}:${port}`),
    forget: () => {
      made = [];
    },
    stop: () => hook.disable(),
  };
}
