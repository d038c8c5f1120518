import type { Pool } from 'pg';
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';

/** One limit: so many points per key in so many seconds. */
export interface RateLimit {
  /** Keys of different limits never meet. */
  name: string;
  points: number;
  seconds: number;
}

/** Where a key stands. */
export interface RateStanding {
  isWithin: boolean;
  /** When the key starts anew. */
  secondsLeft: number;
}

/** Counters in Postgres, shared by all instances. Keys begin with the tenant. */
export interface RateCounters {
  /** Takes points; default: one. Counting and judging are one statement, so parallel tries are all counted. */
  take(limit: RateLimit, key: string, points?: number): Promise<RateStanding>;
  /** Gives one point back. */
  giveBack(limit: RateLimit, key: string): Promise<void>;
  /** Starts a key anew. */
  clear(limit: RateLimit, key: string): Promise<void>;
}

/** Opens the counters on a pool that the caller owns. Expired rows are left to the sweeper. */
export function createRateCounters(pool: Pool): RateCounters {
  const limiters = new Map<string, RateLimiterPostgres>();
  const limiterOf = (limit: RateLimit): RateLimiterPostgres => {
    const known = limiters.get(limit.name);
    if (known) return known;
    const made = new RateLimiterPostgres({
      storeClient: pool,
      storeType: 'pool',
      tableName: 'rate_limits',
      tableCreated: true,
      clearExpiredByTimeout: false,
      keyPrefix: limit.name,
      points: limit.points,
      duration: limit.seconds,
    });
    limiters.set(limit.name, made);
    return made;
  };
  return {
    take: async (limit, key, points = 1) => standingOf(await consume(limiterOf(limit), key, points)),
    giveBack: async (limit, key) => {
      await limiterOf(limit).reward(key, 1);
    },
    clear: async (limit, key) => {
      await limiterOf(limit).delete(key);
    },
  };
}

/** The library throws where a limit is exceeded, and where the database fails; only the former is an answer. */
async function consume(limiter: RateLimiterPostgres, key: string, points: number): Promise<{ isWithin: boolean; result: RateLimiterRes }> {
  try {
    return { isWithin: true, result: await limiter.consume(key, points) };
  } catch (error) {
    if (error instanceof RateLimiterRes) return { isWithin: false, result: error };
    throw error;
  }
}

function standingOf({ isWithin, result }: { isWithin: boolean; result: RateLimiterRes }): RateStanding {
  return { isWithin, secondsLeft: Math.max(1, Math.ceil(result.msBeforeNext / 1_000)) };
}
