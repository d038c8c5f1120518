import type { Config, Secrets } from '../config/config.ts';
import type { Logger } from '../platform/logger.ts';
import { explainStartError } from './explain-start.ts';
import { obtainSealingSecrets } from './obtain-secrets.ts';
import { openDatabase } from './open-database.ts';
import { type OpenRuntime, openRuntime } from './open-runtime.ts';

/** What a command works with: services on the database of a running issuer, or on one that was started for the command. */
export type Office = Omit<OpenRuntime, 'counters'>;

/**
 * Runs one command's work, and ends what was started for it.
 * Throws `StartProblem` for everything that an operator can mend; what `work` throws passes through.
 */
export async function inOffice<Result>(
  request: { config: Config; secrets: Secrets; log: Logger },
  work: (office: Office) => Promise<Result>,
): Promise<Result> {
  const { config, secrets, log } = request;
  await using started = new AsyncDisposableStack();
  const office = await openAll(request, started).catch((error: unknown) => {
    throw explainStartError(error, request) ?? error;
  });
  if (office.tenant.issuer !== config.issuer) {
    log.warn(
      `TOOLGRANT_ISSUER is ${config.issuer} here, but ${office.tenant.issuer} was served last: this command goes by the latter. ` +
        'Give commands the settings of the issuer.',
    );
  }
  try {
    return await work(office); // before anything is ended
  } catch (error) {
    throw explainStartError(error, { config, secrets }) ?? error;
  }
}

async function openAll(
  { config, secrets, log }: { config: Config; secrets: Secrets; log: Logger },
  started: AsyncDisposableStack,
): Promise<Office> {
  const database = await openDatabase({ config, secrets, purpose: 'command', onNotice: (text) => log.warn(text) });
  started.defer(() => database.stop());
  const sealing = await obtainSealingSecrets({ config, secrets });
  const office = await openRuntime({ config, secrets: sealing, databaseUrl: database.url, log }, 'stored');
  started.defer(() => office.close());
  return office;
}
