import { measureInCalm } from './calm.ts';
import type { Contender } from './contenders/contender.ts';
import { countStatements } from './count-statements.ts';
import type { BenchDatabase } from './database.ts';
import { type Measurement, measure } from './measurement.ts';
import type { BenchOptions } from './options.ts';
import { createScenarios, type HttpRowName, type Scenario, type Scenarios } from './scenarios.ts';

/** One row. */
export interface RowMeasurements {
  /** One list per contender, in the contenders' order; empty where that has no such row. */
  measured: readonly (readonly Measurement[])[];
  /** What a request makes of them in the first contender. */
  statements: number;
}

/** What the rounds are run with. */
export interface RoundsOptions extends Pick<BenchOptions, 'rounds' | 'warmUpMs' | 'measuredMs' | 'connections' | 'calm'> {
  rows: readonly HttpRowName[];
  contenders: readonly Contender[];
  database: BenchDatabase;
  /** Is told after each measurement. */
  onMeasured: (row: HttpRowName, contender: Contender, measurement: Measurement) => void;
}

/** A contender with its rows set up, and how fast it was, at most, in each that uses requests up. */
interface Entrant {
  contender: Contender;
  scenarios: Scenarios;
  mostPerSecond: Map<HttpRowName, number>;
}

/** Measures row after row. Within a row the contenders take turns, and another one begins each round, so that drift hits both. */
export async function runRounds(options: RoundsOptions): Promise<Map<HttpRowName, RowMeasurements>> {
  const { rows, contenders, connections, rounds } = options;
  const entrants = await Promise.all(
    contenders.map(async (contender) => ({
      contender,
      scenarios: await createScenarios(contender, connections),
      mostPerSecond: new Map<HttpRowName, number>(),
    })),
  );
  const results = new Map<HttpRowName, RowMeasurements>();
  for (const row of rows) {
    const measured: Measurement[][] = entrants.map(() => []);
    for (let round = 0; round < rounds; round += 1) {
      for (let turn = 0; turn < entrants.length; turn += 1) {
        const place = (round + turn) % entrants.length;
        const entrant = entrants[place] as Entrant;
        const scenario = entrant.scenarios[row];
        if (!scenario) continue;
        const measurement = await measureOnce(entrant, { row, scenario }, options);
        measured[place]?.push(measurement);
        options.onMeasured(row, entrant.contender, measurement);
      }
    }
    results.set(row, { measured, statements: await countOf(entrants[0] as Entrant, row, options) });
  }
  return results;
}

/** Before it is known how fast a contender is, so many requests are made to find out. */
const probeRequests = 400;
const probeMs = 60_000;
/** More than were ever needed, because requests that run out end the measurement early. */
const reserve = 1.3;

async function measureOnce(
  { contender, mostPerSecond }: Entrant,
  { row, scenario }: { row: HttpRowName; scenario: Scenario },
  options: RoundsOptions,
): Promise<Measurement> {
  const { database, warmUpMs, measuredMs } = options;
  const { isUsedUp, prepare } = scenario;
  const parties = { contender, database };
  if (isUsedUp && !mostPerSecond.has(row)) {
    // The first requests find everything cold: only the second lot says how fast the rest will be. Both run until they are used up.
    await measure(parties, await prepare(probeRequests), { warmUpMs: 0, measuredMs: probeMs });
    const probe = await measure(parties, await prepare(probeRequests), { warmUpMs: 0, measuredMs: probeMs });
    mostPerSecond.set(row, probe.perSecond);
  }
  const perSecond = mostPerSecond.get(row) ?? 0;
  const requests = Math.ceil((perSecond * (warmUpMs + measuredMs) * reserve) / 1_000);
  const measurement = await measureInCalm(options.calm, async () => measure(parties, await prepare(requests), { warmUpMs, measuredMs }));
  mostPerSecond.set(row, Math.max(perSecond, measurement.perSecond));
  return measurement;
}

async function countOf({ contender, scenarios }: Entrant, row: HttpRowName, { database }: RoundsOptions): Promise<number> {
  const lanes = await scenarios[row]?.prepare(probeRequests * 2);
  return lanes ? countStatements(database, { origin: contender.origin, lanes, hasPasswords: row === 'sign-in' }) : Number.NaN;
}
