import type { Config, Secrets } from '../config/config.ts';
import type { Logger } from '../platform/logger.ts';
import type { Tracing } from '../platform/tracing.ts';
import { productVersion } from './open-metrics.ts';

/** The tracing of a process that serves; nothing, and nothing is loaded for it, where the settings name no collector. */
export async function openTracing({
  config,
  secrets,
  log,
}: {
  config: Pick<Config, 'tracing'>;
  secrets: Secrets;
  log: Logger;
}): Promise<{ tracing?: Tracing }> {
  if (!config.tracing) return {};
  const { createTracing } = await import('../platform/tracing/open-telemetry.ts');
  const headers = readHeaders(secrets.traceHeaders?.reveal() ?? '');
  return { tracing: createTracing({ ...config.tracing, headers, version: productVersion(), log }) };
}

/** `name=value` pairs, percent-encoded; their form was checked with the settings. */
function readHeaders(text: string): Record<string, string> {
  const pairs = text.split(',').filter((pair) => pair.trim() !== '');
  return Object.fromEntries(
    pairs.map((pair) => {
      const end = pair.indexOf('=');
      return [pair.slice(0, end).trim().toLowerCase(), decodeURIComponent(pair.slice(end + 1).trim())];
    }),
  );
}
