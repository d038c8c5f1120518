/** An issuer in a process of its own, beside others on one database; `startIssuerProcess` runs this file. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { throughLoopback } from './document-host.ts';
import type { Origin } from './http-exchange.ts';
import { type IssuerOptions, startIssuer, type TestIssuer } from './issuer.ts';

/** What the process is told. */
type Orders = Pick<TestIssuer, 'url' | 'secret'> & {
  runtimeUrl: string;
  lifetimes: IssuerOptions['lifetimes'];
  documentPort?: number | undefined;
};

/** A running process. */
export interface IssuerProcess {
  origin: Origin;
  stop(): Promise<void>;
}

/**
 * Starts a process that serves the same issuer as another one, under its URL and secret. With `documentPort`, strangers' documents come
 * from the document host there.
 */
export async function startIssuerProcess(
  issuer: TestIssuer,
  lifetimes?: IssuerOptions['lifetimes'],
  { documentPort }: { documentPort?: number } = {},
): Promise<IssuerProcess> {
  const child: ChildProcess = fork(import.meta.filename, {
    execArgv: ['--no-warnings'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // What one process compiled, the next need not.
    env: { ...process.env, NODE_COMPILE_CACHE: join(import.meta.dirname, '../../.tmp/compiled') },
  });
  const port = Promise.withResolvers<number>();
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.once('message', (message) => port.resolve(Number(message)));
  child.once('exit', (code) => port.reject(new Error(`the issuer process ended with ${code}`)));
  const orders: Orders = { url: issuer.url, secret: issuer.secret, runtimeUrl: issuer.database.runtimeUrl, lifetimes, documentPort };
  child.send(orders);
  return {
    origin: { port: await port.promise, host: issuer.origin.host },
    async stop() {
      child.disconnect();
      await ended;
    },
  };
}

/** Serves until its parent lets go. */
async function serve({ url, secret, runtimeUrl, lifetimes, documentPort }: Orders): Promise<void> {
  const database = { name: '', ownerUrl: '', runtimeUrl, drop: async () => undefined };
  const strangers = documentPort === undefined ? undefined : throughLoopback(documentPort);
  const issuer = await startIssuer({ beside: { url, secret, database }, ...(lifetimes && { lifetimes }), ...(strangers && { strangers }) });
  process.once('disconnect', () => void issuer.stop());
  process.send?.(issuer.origin.port);
}

if (process.argv[1] === import.meta.filename) process.once('message', (orders) => void serve(orders as Orders));
