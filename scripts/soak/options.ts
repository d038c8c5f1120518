import { parseArgs } from 'node:util';

/** The parts of a soak, in the order they run. */
export const partNames = ['kills', 'restarts', 'connections', 'disk', 'sizes', 'load', 'fuzz'] as const;

/** One of them. */
export type PartName = (typeof partNames)[number];

/** How the soak runs. */
export interface SoakOptions {
  parts: readonly PartName[];
  kills: number;
  restarts: number;
  connections: number;
  fills: number;
  minutes: number;
  warmUpMinutes: number;
  actors: number;
  /** Of the fuzzer's full counts. */
  fuzzShare: number;
  seed: number;
}

/** The arguments make no sense; the message says which. */
export class BadUsage extends Error {
  override readonly name = 'BadUsage';
}

/** What `--help` prints. */
export const helpText = `Usage: npm run soak -- [options]

Harms and loads the issuer as it is deployed, on a real PostgreSQL, with books of everything that it acknowledged, and says in
the end whether it passed. Not part of the tests: it takes more than two hours.

  --only <part,part>   ${partNames.join(', ')}
  --kills <n>          how often the issuer is killed with -9 under load (default: 100)
  --restarts <n>       how often PostgreSQL is restarted under load, fast or immediate (default: 100)
  --connections <n>    how often its connections to PostgreSQL are harmed under load: killed, cut, silent, commits without an answer
                       (default: 100)
  --fills <n>          how often the database's disk is filled up under load; mounts a small one, which takes root (default: 10)
  --minutes <n>        how long half of the capacity is asked for (default: 60)
  --warm-up <minutes>  before the heap is first measured (default: a tenth of --minutes)
  --actors <n>         agents with their people (default: 16)
  --fuzz-share <n>     how much of 200,000 registrations, 200,000 authorizations and a million requests of all kinds is sent (default: 1)
  --seed <n>           of the moments and kinds of faults, and of the requests (default: another one each time; it is printed)
  --help               this text
`;

/** Reads the command line; undefined means that only help was asked for. Throws `BadUsage`. */
export function parseOptions(args: readonly string[]): SoakOptions | undefined {
  const values = readArguments(args);
  if (values.help) return undefined;
  const minutes = readNumber('--minutes', values.minutes) ?? 60;
  return {
    parts: readParts(values.only),
    kills: readNumber('--kills', values.kills) ?? 100,
    restarts: readNumber('--restarts', values.restarts) ?? 100,
    connections: readNumber('--connections', values.connections) ?? 100,
    fills: readNumber('--fills', values.fills) ?? 10,
    minutes,
    warmUpMinutes: readNumber('--warm-up', values['warm-up']) ?? minutes / 10,
    actors: readNumber('--actors', values.actors) ?? 16,
    fuzzShare: readNumber('--fuzz-share', values['fuzz-share']) ?? 1,
    seed: readNumber('--seed', values.seed) ?? Date.now() % 1_000_000,
  };
}

function readArguments(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const options = {
    only: text,
    kills: text,
    restarts: text,
    connections: text,
    fills: text,
    minutes: text,
    'warm-up': text,
    actors: text,
    'fuzz-share': text,
    seed: text,
    help: { type: 'boolean' },
  } as const;
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new BadUsage((error as Error).message, { cause: error });
  }
}

function readNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value > 0)) throw new BadUsage(`${name} takes a number above 0, not "${text}"`);
  return value;
}

function readParts(text: string | undefined): readonly PartName[] {
  if (text === undefined) return partNames;
  const named = text.split(',');
  for (const name of named) if (!partNames.some((known) => known === name)) throw new BadUsage(`--only knows ${partNames.join(', ')}`);
  return partNames.filter((part) => named.includes(part));
}
