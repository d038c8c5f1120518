import { type Logger, logFault } from '../platform/logger.ts';
import { resealSecrets } from '../services/reseal-secrets.ts';
import type { Runtime } from '../services/runtime.ts';
import type { BackgroundWork } from './sweep-in-background.ts';

/** Seals under the present secret what the previous one seals, once, beside the requests; says in the log when the previous one may go. */
export function resealInBackground(runtime: Runtime, log: Logger): BackgroundWork {
  const running = resealSecrets(runtime).then(
    ({ resealed, unopened }) => {
      if (unopened > 0)
        log.error({ resealed, unopened }, 'something sealed opens with neither TOOLGRANT_SECRET nor TOOLGRANT_SECRET_PREVIOUS');
      else
        log.warn({ resealed }, 'everything is sealed under TOOLGRANT_SECRET; when all instances have it, TOOLGRANT_SECRET_PREVIOUS may go');
    },
    (error: unknown) => logFault(log, error, { message: 'sealing anew failed; run "toolgrant keys reseal", or start again' }),
  );
  return { stop: () => running };
}
