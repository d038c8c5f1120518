import { describe, expect, it } from '@jest/globals';
import { judgeRepeat } from '../../../src/oidc/refresh-repeat.ts';

const now = new Date('2026-05-01T12:00:00Z');
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1_000);

/** Judges `a`, used `usedSecondsAgo`, of a family whose later tokens were used when `chain` says; the last one of the chain is alive. */
function judge({
  usedSecondsAgo,
  arrivedSecondsAgo,
  chain,
}: {
  usedSecondsAgo: number;
  arrivedSecondsAgo?: number;
  chain: (number | 'alive')[];
}) {
  const tokens = chain.map((used, at) => ({ id: `a${'+'.repeat(at + 1)}`, ...(used !== 'alive' && { consumedAt: ago(used) }) }));
  return judgeRepeat(
    { id: 'a', consumedAt: ago(usedSecondsAgo), grantId: 'g' },
    {
      now,
      graceSeconds: 30,
      arrivedAt: arrivedSecondsAgo === undefined ? undefined : ago(arrivedSecondsAgo),
      findSuccessor: async (id) => tokens.find((token) => token.id === `${id}+`),
    },
  );
}

describe('a refresh token that is shown again', () => {
  it('ABUSE-49: gets its unused successor once more inside the grace window', async () => {
    expect(await judge({ usedSecondsAgo: 29.999, arrivedSecondsAgo: 0, chain: ['alive'] })).toEqual({ outcome: 'repeat', successor: 'a+' });
  });

  it('ABUSE-48: is reuse from the end of the window on, even though its successor is unused', async () => {
    expect(await judge({ usedSecondsAgo: 30, arrivedSecondsAgo: 31, chain: ['alive'] })).toEqual({ outcome: 'reuse', grantId: 'g' });
  });

  it('ABUSE-48: is reuse inside the window when it arrived after its successor was used', async () => {
    expect(await judge({ usedSecondsAgo: 5, arrivedSecondsAgo: 1, chain: [2, 'alive'] })).toEqual({ outcome: 'reuse', grantId: 'g' });
    expect(await judge({ usedSecondsAgo: 5, chain: [2, 'alive'] })).toEqual({ outcome: 'reuse', grantId: 'g' });
  });

  it('ABUSE-48: gets the one live token of the family when it had arrived before all that was used since', async () => {
    expect(await judge({ usedSecondsAgo: 5, arrivedSecondsAgo: 4, chain: [3, 2, 'alive'] })).toEqual({
      outcome: 'repeat',
      successor: 'a+++',
    });
    expect(await judge({ usedSecondsAgo: 5, arrivedSecondsAgo: 2.5, chain: [3, 2, 'alive'] })).toEqual({ outcome: 'reuse', grantId: 'g' });
  });

  it('is no reuse where nothing is known to have followed it', async () => {
    expect(await judge({ usedSecondsAgo: 5, arrivedSecondsAgo: 0, chain: [] })).toEqual({ outcome: 'unknown' });
  });
});
