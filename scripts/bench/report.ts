import type { ColdStarts } from './cold-start.ts';
import { type Measurement, summarize } from './measurement.ts';
import { reportsPerBatch } from './report-batches.ts';
import type { RowMeasurements } from './rounds.ts';
import type { HttpRowName } from './scenarios.ts';
import { median, spread } from './statistics.ts';
import type { WorkersFindings } from './two-workers.ts';
import type { VerificationFindings, VerificationMeasurement } from './verification/verification-process.ts';
import type { SealingFindings } from './watch-sealing.ts';

/** All that is known at the end of a run. */
export interface Findings {
  date: string;
  machine: string;
  versions: string;
  /** How it was measured. */
  settings: string;
  /** Toolgrant first, the bare engine second. */
  http: ReadonlyMap<HttpRowName, RowMeasurements>;
  verification?: VerificationFindings;
  memoryAfterLoadBytes?: number;
  trail?: SealingFindings;
  workers?: WorkersFindings;
  coldStarts?: ColdStarts;
}

const titles: Record<HttpRowName, string> = {
  discovery: 'discovery',
  jwks: 'JWKS',
  status: 'status list (bare: JWKS)',
  registration: 'client registration',
  code: 'code → tokens',
  refresh: 'refresh with rotation',
  'client-credentials': 'client credentials',
  introspection: 'introspection',
  reports: `reports of ${reportsPerBatch} calls`,
  'sign-in': 'sign-in',
  'login-page': 'sign-in page',
  'consent-page': 'consent page, 100 tools',
};

/** The findings as Markdown. */
export function renderReport(findings: Findings): string {
  const { http, verification, workers, coldStarts } = findings;
  const parts = [
    `Measured ${findings.date} on ${findings.machine}; ${findings.versions}.`,
    findings.settings,
    ...(http.size > 0 ? [renderHttp(http), renderCost(http), ...renderNotes(findings)] : []),
    ...(verification ? [renderVerification(verification)] : []),
    ...(workers ? [renderWorkers(workers)] : []),
    ...(coldStarts ? [renderColdStarts(coldStarts)] : []),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** One measurement in one line, while the bench runs. */
export function renderMeasurement(measurement: Measurement): string {
  const { perSecond, p50Ms, p99Ms, serverCpuUs, databaseCpuUs, serverBusy, restBusy, othersBusy, failures } = measurement;
  const cpu = `CPU µs ${whole(serverCpuUs)} + ${whole(databaseCpuUs)}`;
  const busy = `busy ${percent(serverBusy)}, ${percent(restBusy)}, others ${percent(othersBusy)}`;
  return `${whole(perSecond)}/s, p50 ${short(p50Ms)} ms, p99 ${short(p99Ms)} ms, ${cpu}, ${busy}${failures > 0 ? `, ${failures} FAILED` : ''}`;
}

function renderHttp(http: Findings['http']): string {
  return table(
    ['', 'Toolgrant /s', 'bare engine /s', 'ratio', 'Toolgrant p50, p99 ms', 'bare p50, p99 ms', 'spread'],
    [...http].map(
      ([
        row,
        {
          measured: [ours = [], bare = []],
        },
      ]) => {
        const [a, b] = [summarize(ours), summarize(bare)];
        const spreads = [ours, bare].map((measurements) => percent(spread(measurements.map(({ perSecond }) => perSecond))));
        return [
          titles[row],
          whole(a.perSecond),
          whole(b.perSecond),
          Number.isFinite(b.perSecond) ? `${(a.perSecond / b.perSecond).toFixed(2)}×` : none,
          `${short(a.p50Ms)}, ${short(a.p99Ms)}`,
          both(short(b.p50Ms), short(b.p99Ms)),
          spreads.filter((one) => one !== none).join(', '),
        ];
      },
    ),
  );
}

function renderCost(http: Findings['http']): string {
  const heading = [
    '',
    'statements',
    'Toolgrant CPU µs',
    'PostgreSQL CPU µs',
    'bare CPU µs',
    'cores busy: Toolgrant, rest',
    'bare, rest',
    'others',
  ];
  return table(
    heading,
    [...http].map(
      ([
        row,
        {
          measured: [ours = [], bare = []],
          statements,
        },
      ]) => {
        const [a, b] = [summarize(ours), summarize(bare)];
        return [
          titles[row],
          statements.toFixed(1),
          whole(a.serverCpuUs),
          whole(a.databaseCpuUs),
          whole(b.serverCpuUs),
          `${percent(a.serverBusy)}, ${percent(a.restBusy)}`,
          both(percent(b.serverBusy), percent(b.restBusy)),
          percent(median([a, b].map((one) => one.othersBusy).filter(Number.isFinite))),
        ];
      },
    ),
  );
}

function renderNotes({ http, memoryAfterLoadBytes, trail }: Findings): string[] {
  const memory =
    memoryAfterLoadBytes === undefined ? [] : [`Toolgrant's process held ${Math.round(memoryAfterLoadBytes / 1e6)} MB after all this.`];
  const failures = [...http].flatMap(([row, { measured }]) =>
    measured.flatMap((measurements, place) => {
      const { failures: count, firstFailure } = summarize(measurements);
      return count > 0
        ? [`**${titles[row]}, ${place === 0 ? 'Toolgrant' : 'bare engine'}: ${count} requests failed** (${firstFailure}).`]
        : [];
    }),
  );
  return [...memory, ...renderTrail(http, trail), ...failures];
}

function renderTrail(http: Findings['http'], trail: SealingFindings | undefined): string[] {
  const reports = http.get('reports')?.measured[0];
  if (!reports || !trail) return [];
  const perSecond = summarize(reports).perSecond * reportsPerBatch;
  return [
    `Reports were ${whole(perSecond)} tool-call events a second, each answered for when it was committed. The sealer ran beside: of ` +
      `${whole(trail.events)} events ${whole(trail.unsealed)} were not sealed when the load ended, and none ${trail.seconds.toFixed(1)} s later.`,
  ];
}

function renderVerification({ firstSeen, firstSeenByJose, seen, keySeen }: VerificationFindings): string {
  const jose = median(firstSeenByJose.map(({ perSecond }) => perSecond));
  const row = (title: string, measurements: readonly VerificationMeasurement[]) => {
    const rates = measurements.map(({ perSecond }) => perSecond);
    const cpuUs = median(measurements.map((one) => one.cpuUs));
    return [title, whole(median(rates)), `${(median(rates) / jose).toFixed(2)}×`, short(cpuUs), percent(spread(rates))];
  };
  return table(
    ['verification of access tokens and API keys, in process', 'per second', 'ratio', 'CPU µs', 'spread'],
    [
      row('plain `jose`', firstSeenByJose),
      row('`@toolgrant/resource-server`, token seen first', firstSeen),
      row('`@toolgrant/resource-server`, token seen before', seen),
      row('`@toolgrant/resource-server`, API key seen before', keySeen),
    ],
  );
}

function renderWorkers({ serverCores, measured }: WorkersFindings): string {
  const [one] = measured;
  const rows = measured.map(({ workers, jwks, refresh, residentBytes }) => [
    String(workers),
    ...[jwks, refresh].flatMap((row, place) => {
      const first = place === 0 ? one?.jwks : one?.refresh;
      return [whole(row.perSecond), `${(row.perSecond / (first?.perSecond ?? Number.NaN)).toFixed(2)}×`, whole(row.serverCpuUs)];
    }),
    residentBytes.map((bytes) => whole(bytes / 1e6)).join(', '),
  ]);
  const room =
    serverCores > 1 ? `${serverCores} cores for the workers` : 'one core for all workers, so that only their cost can be compared';
  return table([`workers (${room})`, 'JWKS /s', '', 'CPU µs', 'refresh /s', '', 'CPU µs', 'memory, MB'], rows);
}

function renderColdStarts({ firstMs, laterMs }: ColdStarts): string {
  const sorted = laterMs.toSorted((a, b) => a - b);
  return (
    `From its start to its first answer, on an embedded database that is there already, it took ${whole(median(laterMs))} ms ` +
    `(${whole(sorted[0] ?? Number.NaN)} to ${whole(sorted.at(-1) ?? Number.NaN)}, ${laterMs.length} starts); ${whole(firstMs)} ms where that was made first.`
  );
}

function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = heading.map((_, column) => (column === 0 ? '---' : '---:'));
  return [heading, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** What was not measured. */
const none = '–';

function both(one: string, other: string): string {
  return one === none && other === none ? none : `${one}, ${other}`;
}

function whole(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString('en') : none;
}

function short(value: number): string {
  return Number.isFinite(value) ? value.toFixed(value < 10 ? 2 : 0) : none;
}

function percent(share: number): string {
  return Number.isFinite(share) ? `${Math.round(share * 100)} %` : none;
}
