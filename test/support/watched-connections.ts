/** Every TCP connection that this process tries to make: seen below all libraries, whether anybody listens or answers there or not. */
import { createHook } from 'node:async_hooks';

/** What is watched. */
export interface WatchedConnections {
  /** Where connections that count went since the beginning or the last `forget`, as `address:port`, in that order. */
  tried(): string[];
  forget(): void;
  stop(): void;
}

/**
 * Begins to watch. On this machine's own addresses only `ports` count: tests go to others themselves, and what test files before in
 * this process have left behind may still try to reach what it knew. Elsewhere everything counts.
 */
export function watchConnections(ports: readonly number[]): WatchedConnections {
  // Node tells of a connection before it has written down where it leads; by the time that somebody asks, it has.
  let made: { address?: string; port?: number }[] = [];
  const hook = createHook({
    init(_id, type, _trigger, resource) {
      if (type === 'TCPCONNECTWRAP') made.push(resource);
    },
  }).enable();
  const counts = ({ address, port }: { address?: string; port?: number }) =>
    address === undefined || port === undefined || ports.includes(port) || !/^(?:127\.|::1$|::ffff:(?:127\.|7f))/i.test(address);
  return {
    tried: () => made.filter(counts).map(({ address, port }) => `${address}:${port}`),
    forget: () => {
      made = [];
    },
    stop: () => hook.disable(),
  };
}
