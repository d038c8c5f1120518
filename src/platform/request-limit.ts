import { OutboundFailure } from './outbound-failure.ts';

/** Time and cancellation of one outbound request, from its start to the last byte of its answer. */
export interface RequestLimit {
  signal: AbortSignal;
  /** To be called once the request is over, in whatever way; further calls do nothing. */
  end(): void;
  /** The error a caller should see for one that came out of the request. */
  explain(error: unknown): unknown;
}

/** Starts the clock; `outer` is the caller's own signal, and `onEnd` runs once. */
export function startRequestLimit(options: { host: string; timeoutMs: number; outer: AbortSignal; onEnd: () => void }): RequestLimit {
  const { host, timeoutMs, outer, onEnd } = options;
  const controller = new AbortController();
  let isOver = false;
  const end = () => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    outer.removeEventListener('abort', giveUp);
    onEnd();
  };
  const giveUp = () => {
    controller.abort(outer.reason);
    end();
  };
  const timer = setTimeout(() => {
    controller.abort(new OutboundFailure(`${host} did not answer in full within ${timeoutMs} ms.`, { reason: 'timeout' }));
    end();
  }, timeoutMs);
  if (outer.aborted) giveUp();
  else outer.addEventListener('abort', giveUp, { once: true });
  const explain = (error: unknown) => (controller.signal.aborted ? controller.signal.reason : toFailure(error, host));
  return { signal: controller.signal, end, explain };
}

function toFailure(error: unknown, host: string): unknown {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof OutboundFailure) return at;
  // What fetch throws for the network is a TypeError with the socket's error as its cause.
  if (error instanceof TypeError && error.cause !== undefined) {
    return new OutboundFailure(`${host} cannot be reached.`, { reason: 'unreachable', cause: error });
  }
  return error;
}
