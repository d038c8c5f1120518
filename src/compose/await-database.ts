/**
 * The start beside a database that does not answer yet: machines come up together, in any order. While it is waited for, the process
 * lives (`/healthz` 200), is not ready (`/readyz` 503), and answers all else with 503 and `Retry-After`.
 */
import type { RequestListener } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { readCertificatePair } from '../config/certificate.ts';
import type { Config } from '../config/config.ts';
import { issuerPath } from '../domain/issuer-url.ts';
import { listen } from '../http/server.ts';
import type { Logger } from '../platform/logger.ts';
import { mayAnswerLater } from './explain-database.ts';
import { StartProblem } from './start-problem.ts';

/** What waits. */
export interface WaitRequest {
  config: Config;
  log: Logger;
  /** Settles when the process is asked to stop. */
  stopRequested: Promise<void>;
}

/** A database that was opened, and the port that was kept meanwhile. */
export interface Awaited<Opened> {
  database: Opened;
  /** Lets the port go, for whoever listens next. */
  leave(): Promise<void>;
}

const pauseMs = 500;

/**
 * Opens a database, again and again for as long as the settings say. What cannot come right by waiting (a wrong password, an unknown
 * host, an old schema) is thrown at once, and what lasts too long is thrown in the end, as `StartProblem`.
 */
export async function awaitDatabase<Opened>(open: () => Promise<Opened>, request: WaitRequest): Promise<Awaited<Opened>> {
  const { config, log, stopRequested } = request;
  const deadline = performance.now() + config.database.waitMs;
  let leave: (() => Promise<void>) | undefined;
  let isStopped = false;
  const stopped = stopRequested.then(() => {
    isStopped = true;
  });
  for (;;) {
    try {
      const database = await open();
      if (leave) log.info('the database answers');
      return { database, leave: leave ?? (async () => undefined) };
    } catch (error) {
      const isWorthWaiting = error instanceof StartProblem && mayAnswerLater(error.cause) && performance.now() < deadline && !isStopped;
      if (!isWorthWaiting) {
        await leave?.();
        throw error;
      }
      if (!leave) {
        leave = await keepPort(config);
        log.warn(`${error.message} It is waited for, ${Math.round(config.database.waitMs / 1_000)} s at most.`);
      }
      await Promise.race([sleep(pauseMs), stopped]);
    }
  }
}

async function keepPort(config: Config): Promise<() => Promise<void>> {
  const alive = new Set(['/healthz', `${issuerPath(config.issuer)}/healthz`]);
  const answer: RequestListener = (request, response) => {
    const isAlive = alive.has((request.url ?? '').split('?', 1)[0] ?? '');
    const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', Connection: 'close' };
    response.writeHead(isAlive ? 200 : 503, isAlive ? headers : { ...headers, 'Retry-After': '5' });
    response.end(JSON.stringify({ status: isAlive ? 'ok' : 'unavailable' }));
  };
  const tls = config.tls && readCertificatePair(config.tls);
  const listening = await listen(answer, { ...config.listen, ...(tls && { tls }), shutdownDelayMs: 0 });
  return () => listening.drain(0);
}
