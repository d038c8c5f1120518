import { parseArgs } from 'node:util';
import type { Calm } from './calm.ts';

/** The rows of the bench, in the order they run. */
export const rowNames = [
  'discovery',
  'jwks',
  'status',
  'registration',
  'code',
  'refresh',
  'client-credentials',
  'introspection',
  'reports',
  'sign-in',
  'login-page',
  'consent-page',
  'verification',
  'workers',
  'cold-start',
] as const;

/** One kind of work that is measured. */
export type RowName = (typeof rowNames)[number];

/** What is measured by itself, with the rows that it takes unless told otherwise; 0: it takes none. */
export const aloneNames = {
  cleanup: 10_000_000,
  clients: 100_000,
  'audit-search': 10_000_000,
  'audit-export': 1_000_000,
  tracing: 0,
} as const;

/** What has a place of its own in the documentation. */
const documented: readonly string[] = ['reports', 'audit-search', 'audit-export'] satisfies (RowName | keyof typeof aloneNames)[];

/** One of them. */
export type AloneName = keyof typeof aloneNames;

/** How the bench runs. */
export interface BenchOptions {
  rows: readonly RowName[];
  rounds: number;
  warmUpMs: number;
  measuredMs: number;
  connections: number;
  /** Absent: measure whatever else runs. */
  calm?: Calm;
  /** Whether the table goes into the documentation. */
  write: boolean;
  /** Where Toolgrant's process leaves a CPU profile when it ends. */
  cpuProfileFolder?: string;
  /** Present: only what stands alone is measured, with so many rows. */
  alone?: { name: AloneName; rowCount: number };
  /** Whether a removal is left unfinished once it was measured. */
  leavesRest: boolean;
}

/** The arguments make no sense; the message says which. */
export class BadUsage extends Error {
  override readonly name = 'BadUsage';
}

/** What `--help` prints. */
export const helpText = `Usage: npm run bench -- [options]

Measures Toolgrant on a real PostgreSQL beside the bare protocol engine that keeps everything in memory, in turns,
and prints a table in Markdown. See docs/performance.md.

  --quick                 1 s warm-up, 2 s measured, 2 rounds (default: 2 s, 6 s, 5 rounds)
  --only <row,row,…>      ${rowNames.join(', ')}
                          cleanup: refreshes while expired rows are removed; stands alone
                          clients: registration and authorization with many clients beside a hundred, and refreshes while
                          unused clients are removed; stands alone
                          audit-search: searches in a large audit trail; stands alone
                          audit-export: a large audit trail is sealed, exported and verified; stands alone
                          tracing: refreshes with no request traced, some, and all; stands alone
  --rows <n>              expired rows for --only cleanup (default: 10000000), clients for --only clients (default: 100000),
                          events for --only audit-search (default: 10000000) and audit-export (default: 1000000)
  --leave-rest            end when a removal was measured, without waiting for the rest of it
  --rounds <n>            how often each measurement is repeated; medians are shown
  --warm-up <seconds>     before each measurement
  --seconds <seconds>     length of one measurement
  --connections <n>       keep-alive connections of the load generator (default: 32)
  --calm                  on a machine that others use too: wait up to 30 s for it to be idle before each measurement, and
                          measure up to 3 times while others take more than 0.15 cores
  --write                 put the table into docs/performance.md; needs all rows, or --only one of ${documented.join(', ')}
  --cpu-profile <folder>  let Toolgrant's process write a CPU profile there
  --help                  this text
`;

/** Reads the command line; undefined means that only help was asked for. Throws `BadUsage`. */
export function parseOptions(args: readonly string[]): BenchOptions | undefined {
  const values = readArguments(args);
  if (values.help) return undefined;
  const defaults = values.quick ? { warmUp: 1, measured: 2, rounds: 2 } : { warmUp: 2, measured: 6, rounds: 5 };
  const alone = (Object.keys(aloneNames) as AloneName[]).find((name) => name === values.only);
  const withRows = Object.entries(aloneNames).flatMap(([name, rows]) => (rows > 0 ? name : []));
  if (values.rows !== undefined && !withRows.includes(alone ?? '')) throw new BadUsage(`--rows goes with --only ${withRows.join(' or ')}`);
  const rows = alone ? [] : readRows(values.only);
  const write = values.write ?? false;
  if (write && rows.length < rowNames.length && !documented.includes(values.only ?? '')) {
    throw new BadUsage(`--write needs all rows, or one of ${documented.join(', ')}`);
  }
  const cpuProfileFolder = values['cpu-profile'];
  return {
    rows,
    rounds: readCount('--rounds', values.rounds) ?? defaults.rounds,
    warmUpMs: (readSeconds('--warm-up', values['warm-up']) ?? defaults.warmUp) * 1_000,
    measuredMs: (readSeconds('--seconds', values.seconds) ?? defaults.measured) * 1_000,
    connections: readCount('--connections', values.connections) ?? 32,
    write,
    leavesRest: values['leave-rest'] ?? false,
    ...(alone && { alone: { name: alone, rowCount: readCount('--rows', values.rows, 8) ?? aloneNames[alone] } }),
    ...(values.calm && { calm: { waitMs: 30_000, tries: 3 } }),
    ...(cpuProfileFolder !== undefined && { cpuProfileFolder }),
  };
}

function readArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        quick: { type: 'boolean' },
        only: { type: 'string' },
        rows: { type: 'string' },
        'leave-rest': { type: 'boolean' },
        rounds: { type: 'string' },
        'warm-up': { type: 'string' },
        seconds: { type: 'string' },
        connections: { type: 'string' },
        calm: { type: 'boolean' },
        write: { type: 'boolean' },
        'cpu-profile': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (cause) {
    throw new BadUsage((cause as Error).message, { cause });
  }
}

function readRows(text: string | undefined): readonly RowName[] {
  if (text === undefined) return rowNames;
  const wanted = text.split(',').map((name) => name.trim());
  const unknown = wanted.find((name) => !(rowNames as readonly string[]).includes(name));
  if (unknown !== undefined) throw new BadUsage(`--only: there is no row "${unknown}"; there are ${rowNames.join(', ')}`);
  return rowNames.filter((name) => wanted.includes(name));
}

function readCount(name: string, text: string | undefined, maxDigits = 4): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d*$/.test(text) || text.length > maxDigits) {
    throw new BadUsage(`${name} wants a whole number from 1 to ${10 ** maxDigits - 1}`);
  }
  return Number(text);
}

function readSeconds(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (!(seconds >= 0.1 && seconds <= 3_600)) throw new BadUsage(`${name} wants seconds from 0.1 to 3600`);
  return seconds;
}
