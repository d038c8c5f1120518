import type { BenchDatabase } from './database.ts';
import { type Lane, runLoad } from './load.ts';

/** Enough that what the server does by itself now and then weighs nothing. */
const perConnection = 16;
/** Each of these costs a processor a good part of a second for a password. */
const perConnectionWithPassword = 2;
const longestMs = 60_000;

/** How many statements a request makes, `BEGIN` and `COMMIT` included: PostgreSQL writes them down while some requests are sent. */
export async function countStatements(
  database: BenchDatabase,
  { origin, lanes, hasPasswords }: { origin: string; lanes: readonly Lane[]; hasPasswords: boolean },
): Promise<number> {
  const each = hasPasswords ? perConnectionWithPassword : perConnection;
  let answered = 0;
  const statements = await database.countStatements(async () => {
    const { requests } = await runLoad(
      origin,
      lanes.map((lane) => stopAfter(lane, each)),
      { warmUpMs: 0, measuredMs: longestMs },
    );
    answered = requests;
  });
  return statements / answered;
}

function stopAfter(lane: Lane, requests: number): Lane {
  let left = requests;
  return {
    expectedStatus: lane.expectedStatus,
    next: () => {
      left -= 1;
      return left < 0 ? undefined : lane.next();
    },
    answered: (body) => lane.answered?.(body),
  };
}
