/** The instruments, by `prom-client`. Loaded only where somebody reads them. */
import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Metrics } from './metrics.ts';

/** The instruments of one process, which can be added to those of others. */
export interface ProcessMetrics extends Metrics {
  /** All values now, as plain data. */
  snapshot(): Promise<MetricsSnapshot>;
}

/** Plain data that travels between processes. */
export type MetricsSnapshot = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

/** Adds up what several processes measured, as text. */
export function addUp(snapshots: readonly MetricsSnapshot[]): Promise<string> {
  return AggregatorRegistry.aggregate([...snapshots] as unknown as object[]).metrics();
}

const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']);
const grants: ReadonlySet<string> = new Set(['authorization_code', 'refresh_token', 'client_credentials']);
const outcomes: ReadonlySet<string> = new Set([
  'issued',
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'invalid_scope',
  'invalid_target',
  'unauthorized_client',
  'unsupported_grant_type',
  'temporarily_unavailable',
  'server_error',
]);

const within = (known: ReadonlySet<string>, value: string) => (known.has(value) ? value : 'other');

/** Makes the instruments of a process. `version` is the product's. */
export function createMetrics({ version }: { version: string }): ProcessMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'toolgrant_build_info',
    help: 'Always 1; the version is in the label.',
    labelNames: ['version'],
    aggregator: 'first',
    registers,
  }).set({ version }, 1);
  const requests = new Histogram({
    name: 'toolgrant_http_request_duration_seconds',
    help: 'Time from a request to the end of its answer, by route and class of status.',
    labelNames: ['route', 'method', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers,
  });
  const tokens = new Counter({
    name: 'toolgrant_token_answers_total',
    help: 'Answers of the token endpoint: issued, or the OAuth error code.',
    labelNames: ['grant', 'outcome'],
    registers,
  });
  const signIns = new Counter({
    name: 'toolgrant_sign_ins_total',
    help: 'Tries to sign in with a password.',
    labelNames: ['outcome'],
    registers,
  });
  const limited = new Counter({
    name: 'toolgrant_limited_total',
    help: 'Requests refused because one caller made too many.',
    labelNames: ['limit'],
    registers,
  });
  const lookups = new Counter({
    name: 'toolgrant_cache_lookups_total',
    help: 'Whether what a token may say was remembered or had to be worked out.',
    labelNames: ['cache', 'outcome'],
    registers,
  });
  const statusLists = new Histogram({
    name: 'toolgrant_status_list_duration_seconds',
    help: 'Time to make a token status list anew; one is at most half a second old when it is served.',
    buckets: [0.002, 0.005, 0.01, 0.05, 0.25, 1],
    registers,
  });
  const known = new Map<string, ReturnType<typeof requests.labels>>();
  return {
    isOn: true,
    snapshot: () => registry.getMetricsAsJSON(),
    observeRequest: ({ route, method, status, seconds }) => {
      const labels = [route, within(methods, method), `${Math.trunc(status / 100)}xx`] as const;
      const key = labels.join(' ');
      const series = known.get(key) ?? requests.labels(...labels);
      known.set(key, series);
      series.observe(seconds);
    },
    countTokenAnswer: (grant, outcome) => tokens.inc({ grant: within(grants, grant), outcome: within(outcomes, outcome) }),
    countSignIn: (outcome) => signIns.inc({ outcome }),
    countLimited: (limit) => limited.inc({ limit }),
    countLookup: (cache, outcome) => lookups.inc({ cache, outcome }),
    observeStatusList: (seconds) => statusLists.observe(seconds),
    watch: ({ name, help, label, together }, read) => {
      new Gauge({
        name,
        help,
        labelNames: label === undefined ? [] : [label],
        ...(together && { aggregator: together }),
        registers,
        async collect() {
          // What cannot be read now must not hide the rest.
          const values = await Promise.resolve()
            .then(read)
            .catch(() => ({}));
          if (typeof values === 'number') this.set(values);
          else for (const [value, count] of Object.entries(values)) this.set({ [label ?? 'kind']: value }, count);
        },
      });
    },
    text: () => registry.metrics(),
  };
}
