import type { Config, Secrets } from '../config/config.ts';
import type { Listening } from '../http/server.ts';
import type { Logger } from '../platform/logger.ts';
import { type IssuedLink, issueFirstAdminLink } from '../services/issue-link.ts';
import { listUsers } from '../services/list-users.ts';
import { removeDemo } from '../services/remove-demo.ts';
import { explainStartError } from './explain-start.ts';
import { obtainSealingSecrets } from './obtain-secrets.ts';
import { openDatabase } from './open-database.ts';
import type { RunningDemo } from './start-demo.ts';
import { sweepInBackground } from './sweep-in-background.ts';

/** An issuer that serves. */
export interface RunningIssuer {
  issuer: string;
  listening: Listening;
  demo?: RunningDemo;
  hasAdmin(): Promise<boolean>;
  /** A link for the first administrator; undefined when there is one. To be shown to whoever started us, and to nobody else. */
  issueFirstAdminLink(): Promise<IssuedLink | undefined>;
  /** Lets requests under way finish, then ends everything that was started; safe to call twice. */
  stop(): Promise<void>;
}

/** What `serve` is started with. */
export interface IssuerRequest {
  config: Config;
  secrets: Secrets;
  log: Logger;
}

/**
 * Starts what the settings say: database, issuer, demo. Whatever was started is ended again when a later step fails.
 * Throws `StartProblem` for everything that an operator can mend.
 */
export async function startIssuer(request: IssuerRequest): Promise<RunningIssuer> {
  const started = new AsyncDisposableStack();
  try {
    const running = await startAll(request, started);
    return { ...running, stop: () => started.disposeAsync() };
  } catch (error) {
    await started.disposeAsync();
    throw explainStartError(error, request) ?? error;
  }
}

/** `started` ends things in the reverse order: first nobody new comes in, last the database goes. */
async function startAll({ config, secrets, log }: IssuerRequest, started: AsyncDisposableStack): Promise<Omit<RunningIssuer, 'stop'>> {
  const opening = openDatabase({ config, secrets, purpose: 'issuer', onNotice: (text) => log.warn(text) });
  // The engine and its pages are loaded while the database starts.
  const loading = Promise.all([import('../compose.ts'), config.demo && import('./start-demo.ts')]);
  loading.catch(() => undefined); // seen below, once the database is one that will be stopped
  const database = await opening;
  started.defer(() => database.stop());
  const [{ compose }, demonstration] = await loading;
  const sealing = await obtainSealingSecrets({ config, secrets });
  const composition = await compose({ config, secrets: sealing, databaseUrl: database.url, log });
  started.defer(() => composition.close());
  const { runtime, tenant } = composition;
  if (!config.demo && (await removeDemo(runtime, tenant))) {
    log.warn('the demo account and the credentials of the demo server are removed, because this start is without --demo');
  }
  const listening = await composition.listen();
  const demo = config.demo && (await demonstration?.startDemo(composition, config.demo));
  if (demo) started.defer(() => demo.stop());
  const sweeping = sweepInBackground(runtime);
  started.defer(() => sweeping.stop());
  log.info({ issuer: tenant.issuer, addresses: listening.addresses, port: listening.port, database: config.database.kind }, 'listening');
  return {
    issuer: tenant.issuer,
    listening,
    ...(demo && { demo }),
    hasAdmin: async () => (await listUsers(runtime, tenant)).some(({ isAdmin }) => isAdmin),
    issueFirstAdminLink: () => issueFirstAdminLink(runtime, tenant, { actorType: 'issuer' }),
  };
}
