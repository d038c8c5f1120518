/** What tracing costs: refreshes by issuers that trace no request, some, or all, in turns. Traces go to a sink in this process, which keeps none. */
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { measureInCalm } from './calm.ts';
import type { Contender } from './contenders/contender.ts';
import { startToolgrant } from './contenders/toolgrant.ts';
import { takeCores } from './cores.ts';
import { type BenchDatabase, startBenchDatabase } from './database.ts';
import { type Measurement, measure, summarize } from './measurement.ts';
import type { BenchOptions } from './options.ts';
import { renderMeasurement } from './report.ts';
import { createScenarios, type Scenario } from './scenarios.ts';
import { openScratch } from './scratch.ts';
import { median } from './statistics.ts';

/** Shares of the requests; 0: there is no collector, and nothing is loaded. */
const shares = [0, 0.05, 1] as const;

interface Side {
  share: (typeof shares)[number];
  contender: Contender;
  database: BenchDatabase;
  refresh: Scenario;
  measured: Measurement[];
  /** What came to the sink, for each request that was answered. */
  bytesPerRequest: number[];
}

/** Runs them and returns the findings as text. */
export async function measureTracing(options: BenchOptions, say: (line: string) => void): Promise<string> {
  const cores = takeCores();
  const { warmUpMs, measuredMs, rounds, connections, cpuProfileFolder } = options;
  await using stack = new AsyncDisposableStack();
  const folder = await openScratch(stack);
  const sink = stack.adopt(await openSink(), (opened) => opened.close());
  const sides: Side[] = [];
  for (const share of shares) {
    const place = join(folder, String(share));
    const database = stack.adopt(await startBenchDatabase(join(place, 'data')), (started) => started.stop());
    const workingFolder = join(place, 'toolgrant');
    await mkdir(workingFolder);
    const settings: Record<string, string> =
      share === 0 ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: sink.url, TOOLGRANT_TRACE_SHARE: String(share) };
    const profile = cpuProfileFolder !== undefined && { cpuProfileFolder: join(cpuProfileFolder, String(share)) };
    const start = { database, cores, folder: workingFolder, settings, ...profile };
    const contender = stack.adopt(await startToolgrant(start), (started) => started.stop());
    const { refresh } = await createScenarios(contender, connections);
    sides.push({ share, contender, database, refresh, measured: [], bytesPerRequest: [] });
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      const lanes = await side.refresh.prepare(0);
      // Spans wait for their batch: what those of the warm-up weigh comes in place of the last ones.
      const before = sink.received();
      const measurement = await measureInCalm(options.calm, () => measure(side, lanes, { warmUpMs, measuredMs }));
      side.measured.push(measurement);
      side.bytesPerRequest.push((sink.received() - before) / (measurement.perSecond * ((warmUpMs + measuredMs) / 1_000)));
      say(`${named(side)}: ${renderMeasurement(measurement)}`);
    }
  }
  if (sink.received() === 0) throw new Error('no trace arrived');
  return render(sides);
}

interface Sink {
  url: string;
  /** How many bytes came. */
  received(): number;
  close(): Promise<void>;
}

/** A collector that takes everything. */
async function openSink(): Promise<Sink> {
  let bytes = 0;
  const server = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    request.on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: () => bytes,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function named({ share }: Side): string {
  if (share === 0) return 'no traces';
  return share === 1 ? 'every request' : `a share of ${share}`;
}

function render(sides: readonly Side[]): string {
  const all = sides.map((side) => ({ side, ...summarize(side.measured) }));
  const [none] = all;
  const lines = all.map(({ side, perSecond, p50Ms, p99Ms, serverCpuUs, databaseCpuUs, failures }) => {
    const bytes = Math.round(median(side.bytesPerRequest));
    const times = serverCpuUs / (none?.serverCpuUs ?? Number.NaN);
    return (
      `| ${named(side)} | ${Math.round(perSecond)} | ${p50Ms.toFixed(1)}, ${p99Ms.toFixed(1)} | ${Math.round(serverCpuUs)} | ` +
      `${times.toFixed(2)}× | ${Math.round(databaseCpuUs)} | ${bytes} | ${failures} |`
    );
  });
  return [
    'Refresh with rotation, in turns:',
    '',
    '| traced | per second | p50, p99 ms | Toolgrant CPU µs | | PostgreSQL CPU µs | bytes sent | failures |',
    '|---|---:|---:|---:|---:|---:|---:|---:|',
    ...lines,
    '',
  ].join('\n');
}
