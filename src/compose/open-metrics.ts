import { readFileSync } from 'node:fs';
import type { CompositionOptions } from '../compose.ts';
import type { Secrets } from '../config/config.ts';
import type { ProcessMetrics } from '../platform/prometheus.ts';

/** The instruments of this process, and who may read them; nothing where the settings name no token. `readAll` finds what is read. */
export async function openMetrics(
  { metricsToken }: Secrets,
  readAll?: (own: ProcessMetrics) => Promise<() => Promise<string>>,
): Promise<Pick<CompositionOptions, 'metricsAccess'> & { metrics?: ProcessMetrics }> {
  if (!metricsToken) return {};
  const { createMetrics } = await import('../platform/prometheus.ts');
  const metrics = createMetrics({ version: productVersion() });
  const read = readAll ? await readAll(metrics) : () => metrics.text();
  return { metrics, metricsAccess: { token: metricsToken.reveal(), read } };
}

/** The version of this product. */
export function productVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  return version;
}
