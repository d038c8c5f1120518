import { describe, expect, it } from '@jest/globals';
import { maxAttempts, PlanOvertaken, retryOvertaken } from '../../../src/services/retry-overtaken.ts';

/** An attempt that fails so many times, and how often it was made. */
function failing(times: number, error: Error) {
  const state = { made: 0 };
  const attempt = async () => {
    state.made += 1;
    if (state.made <= times) throw error;
    return { made: state.made };
  };
  return { state, attempt };
}

const conflict = (code: string) => Object.assign(new Error('as the database says it'), { code });

describe('a change that another one overtakes', () => {
  it.each([
    ['a plan that does not hold', new PlanOvertaken('gone')],
    ['a key that is taken', conflict('P2002')],
    ['a row that is gone', conflict('P2025')],
    ['a deadlock', conflict('P2034')],
  ])('%s: is tried anew', async (_what, error) => {
    expect(await retryOvertaken(failing(maxAttempts - 1, error).attempt)).toEqual({ made: maxAttempts });
  });

  it('is given up after a bounded number of times', async () => {
    const { state, attempt } = failing(Number.POSITIVE_INFINITY, conflict('P2034'));
    expect(await retryOvertaken(attempt)).toBeUndefined();
    expect(state.made).toBe(maxAttempts);
  });

  it('any other error is thrown at once', async () => {
    const { state, attempt } = failing(1, conflict('P1001'));
    await expect(retryOvertaken(attempt)).rejects.toThrow('as the database says it');
    expect(state.made).toBe(1);
  });
});
