import { type Measurement, summarize } from './measurement.ts';
import type { RowMeasurements } from './rounds.ts';
import type { HttpRowName } from './scenarios.ts';
import { median, spread } from './statistics.ts';
import type { VerificationFindings, VerificationMeasurement } from './verification/verification-process.ts';

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
}

const titles: Record<HttpRowName, string> = {
  discovery: 'discovery',
  jwks: 'JWKS',
  status: 'status list (bare: JWKS)',
  registration: 'client registration',
  code: 'code → tokens',
  refresh: 'refresh with rotation',
};

/** The findings as Markdown. */
export function renderReport(findings: Findings): string {
  const { http, verification } = findings;
  const parts = [
    `Measured ${findings.date} on ${findings.machine}; ${findings.versions}.`,
    findings.settings,
    ...(http.size > 0 ? [renderHttp(http), renderCost(http), ...renderNotes(findings)] : []),
    ...(verification ? [renderVerification(verification)] : []),
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
    [...http].map(([row, [ours = [], bare = []]]) => {
      const [a, b] = [summarize(ours), summarize(bare)];
      const spreads = [ours, bare].map((measurements) => percent(spread(measurements.map(({ perSecond }) => perSecond))));
      return [
        titles[row],
        whole(a.perSecond),
        whole(b.perSecond),
        `${(a.perSecond / b.perSecond).toFixed(2)}×`,
        `${short(a.p50Ms)}, ${short(a.p99Ms)}`,
        `${short(b.p50Ms)}, ${short(b.p99Ms)}`,
        spreads.join(', '),
      ];
    }),
  );
}

function renderCost(http: Findings['http']): string {
  const heading = ['', 'Toolgrant CPU µs', 'PostgreSQL CPU µs', 'bare CPU µs', 'cores busy: Toolgrant, rest', 'bare, rest', 'others'];
  return table(
    heading,
    [...http].map(([row, [ours = [], bare = []]]) => {
      const [a, b] = [summarize(ours), summarize(bare)];
      return [
        titles[row],
        whole(a.serverCpuUs),
        whole(a.databaseCpuUs),
        whole(b.serverCpuUs),
        `${percent(a.serverBusy)}, ${percent(a.restBusy)}`,
        `${percent(b.serverBusy)}, ${percent(b.restBusy)}`,
        percent(median([a.othersBusy, b.othersBusy])),
      ];
    }),
  );
}

function renderNotes({ http, memoryAfterLoadBytes }: Findings): string[] {
  const memory =
    memoryAfterLoadBytes === undefined ? [] : [`Toolgrant's process held ${Math.round(memoryAfterLoadBytes / 1e6)} MB after all this.`];
  const failures = [...http].flatMap(([row, contenders]) =>
    contenders.flatMap((measurements, place) => {
      const { failures: count, firstFailure } = summarize(measurements);
      return count > 0
        ? [`**${titles[row]}, ${place === 0 ? 'Toolgrant' : 'bare engine'}: ${count} requests failed** (${firstFailure}).`]
        : [];
    }),
  );
  return [...memory, ...failures];
}

function renderVerification({ firstSeen, firstSeenByJose, seen }: VerificationFindings): string {
  const jose = median(firstSeenByJose.map(({ perSecond }) => perSecond));
  const row = (title: string, measurements: readonly VerificationMeasurement[]) => {
    const rates = measurements.map(({ perSecond }) => perSecond);
    const cpuUs = median(measurements.map((one) => one.cpuUs));
    return [title, whole(median(rates)), `${(median(rates) / jose).toFixed(2)}×`, short(cpuUs), percent(spread(rates))];
  };
  return table(
    ['verification of access tokens, in process', 'per second', 'ratio', 'CPU µs', 'spread'],
    [
      row('plain `jose`', firstSeenByJose),
      row('`@toolgrant/resource-server`, token seen first', firstSeen),
      row('`@toolgrant/resource-server`, token seen before', seen),
    ],
  );
}

function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = heading.map((_, column) => (column === 0 ? '---' : '---:'));
  return [heading, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function whole(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString('en') : 'unknown';
}

function short(value: number): string {
  return Number.isFinite(value) ? value.toFixed(value < 10 ? 2 : 0) : 'unknown';
}

function percent(share: number): string {
  return Number.isFinite(share) ? `${Math.round(share * 100)} %` : 'unknown';
}
