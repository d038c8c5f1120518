import { describe, expect, it } from '@jest/globals';
import type { CallReport } from '../../../src/resource-server/call-report.ts';
import { ReportQueue } from '../../../src/resource-server/report-queue.ts';
import type { DropNote, ReportAnswer } from '../../../src/resource-server/send-reports.ts';

const taken: ReportAnswer = { kind: 'taken', refused: new Map(), now: undefined };
const failed: ReportAnswer = { kind: 'failed', message: 'away', retryAfterSeconds: 0 };

function report(id: string, facts: Partial<CallReport> = {}): CallReport {
  return {
    id,
    at: new Date('2026-11-27T12:00:00Z'),
    subject: 'usr_ada',
    client: 'client-1',
    consent: 'cns_1',
    status: undefined,
    tool: 'look',
    outcome: 'success',
    argumentBytes: 2,
    argumentDigest: Promise.resolve('digest'),
    arguments: undefined,
    requestId: undefined,
    traceId: undefined,
    ...facts,
  };
}

/** A queue whose issuer answers as it is told, on a clock that stands still. */
function setUp({ maxQueued = 100 } = {}) {
  const sent: { ids: string[]; ats: string[]; note: DropNote | undefined }[] = [];
  const answers: (ReportAnswer | Promise<ReportAnswer>)[] = [];
  let nowMs = Date.parse('2026-11-27T12:00:00Z');
  const queue = new ReportQueue({
    maxQueued,
    now: () => new Date(nowMs),
    send: async (texts, note) => {
      const reports = texts.map((text) => JSON.parse(text) as { id: string; at: string });
      sent.push({ ids: reports.map(({ id }) => id), ats: reports.map(({ at }) => at), note });
      return answers.shift() ?? taken;
    },
  });
  const passMs = (ms: number) => {
    nowMs += ms;
  };
  return { queue, sent, answers, passMs };
}

/** An answer that comes when it is told to. */
function held(): { answer: Promise<ReportAnswer>; give: (answer: ReportAnswer) => void } {
  let give = (_answer: ReportAnswer): void => {};
  const answer = new Promise<ReportAnswer>((resolve) => {
    give = resolve;
  });
  return { answer, give };
}

describe('the queue of reports', () => {
  it('sends the first at once, and together what comes while that is under way', async () => {
    const { queue, sent, answers } = setUp();
    const first = held();
    answers.push(first.answer);
    for (const id of ['a', 'b', 'c']) queue.add(report(id));
    expect(queue.stats().queued).toBe(3);
    first.give(taken);
    await queue.flush();
    expect(sent.map(({ ids }) => ids)).toEqual([['a'], ['b', 'c']]);
    expect(queue.stats()).toEqual({ queued: 0, delivered: 3, dropped: 0, refused: 0, problem: undefined });
  });

  it('ABUSE-75: keeps what did not arrive, and sends it again with the same ids', async () => {
    const { queue, sent, answers, passMs } = setUp();
    answers.push(failed);
    queue.add(report('a'));
    await queue.flush();
    expect(queue.stats()).toMatchObject({ queued: 1, delivered: 0, problem: 'away' });
    queue.add(report('b'));
    await queue.flush();
    expect(sent).toHaveLength(1);
    passMs(1000);
    await queue.flush();
    expect(sent.map(({ ids }) => ids)).toEqual([['a'], ['a', 'b']]);
    expect(queue.stats()).toMatchObject({ queued: 0, delivered: 2, problem: undefined });
  });

  it('waits longer after each failure, half a minute at most, and as long as it is told', async () => {
    const { queue, sent, answers, passMs } = setUp();
    queue.add(report('a'));
    await queue.flush();
    queue.add(report('b'));
    const wait = async (ms: number): Promise<number> => {
      const before = sent.length;
      passMs(ms);
      await queue.flush();
      return sent.length - before;
    };
    answers.push(failed, failed, failed, { ...failed, retryAfterSeconds: 90 });
    expect(await wait(0)).toBe(1);
    expect([await wait(999), await wait(1)]).toEqual([0, 1]);
    expect([await wait(1999), await wait(1)]).toEqual([0, 1]);
    expect([await wait(3999), await wait(1)]).toEqual([0, 1]);
    expect([await wait(89_999), await wait(1)]).toEqual([0, 1]);
  });

  it('is bounded; what is dropped is counted and said, once, however often that has to be tried', async () => {
    const { queue, sent, answers, passMs } = setUp({ maxQueued: 2 });
    answers.push(failed);
    for (const id of ['a', 'b', 'c', 'd']) queue.add(report(id));
    await queue.flush();
    expect(queue.stats()).toMatchObject({ queued: 2, dropped: 2 });
    answers.push(failed);
    passMs(1000);
    await queue.flush();
    queue.add(report('e'));
    passMs(2000);
    await queue.flush();
    const notes = sent.map(({ note }) => note);
    expect(notes[0]).toEqual({ id: expect.stringMatching(/^rpt_/), count: 2, since: new Date('2026-11-27T12:00:00Z') });
    expect(notes.slice(1)).toEqual([notes[0], notes[0]]);
    queue.add(report('f'));
    await queue.flush();
    // The fifth was dropped after the note was made, and is said with the next.
    expect(sent.at(-1)?.note).toMatchObject({ count: 1 });
    expect(queue.stats()).toEqual({ queued: 0, delivered: 3, dropped: 3, refused: 0, problem: undefined });
  });

  it('what the issuer refuses is counted and not sent again', async () => {
    const { queue, sent, answers } = setUp();
    const refused = new Map([[0, { member: 'consent', message: 'no such consent' }]]);
    answers.push(failed);
    queue.add(report('a'));
    queue.add(report('b'));
    await queue.flush();
    answers.push({ kind: 'taken', refused, now: undefined }, { kind: 'unreadable', message: 'the issuer answered 400' });
    await queue.close();
    expect(queue.stats()).toEqual({ queued: 0, delivered: 1, dropped: 0, refused: 1, problem: 'no such consent' });
    expect(sent.at(-1)?.ids).toEqual(['a', 'b']);
  });

  it('a clock that is wrong is set right by the issuer’s, once', async () => {
    const { queue, sent, answers } = setUp();
    const now = new Date('2026-11-27T15:00:00Z');
    answers.push({ kind: 'taken', refused: new Map([[0, { member: 'at', message: 'too old' }]]), now });
    queue.add(report('a'));
    await queue.flush();
    queue.add(report('b'));
    await queue.flush();
    expect(sent.map(({ ats }) => ats)).toEqual([['2026-11-27T12:00:00.000Z'], ['2026-11-27T15:00:00.000Z'], ['2026-11-27T15:00:00.000Z']]);
    answers.push(
      { kind: 'taken', refused: new Map([[0, { member: 'at', message: 'too old' }]]), now },
      { kind: 'taken', refused: new Map([[0, { member: 'at', message: 'too old' }]]), now },
    );
    queue.add(report('c'));
    await queue.flush();
    expect(queue.stats()).toMatchObject({ queued: 0, delivered: 2, refused: 1 });
  });

  it('after it is closed, everything is dropped', async () => {
    const { queue, sent } = setUp();
    await queue.close();
    queue.add(report('a'));
    expect(await queue.deliver(report('b'))).toBe(false);
    expect([sent.length, queue.stats().dropped]).toEqual([0, 1]);
  });

  describe('with somebody who waits', () => {
    it('goes before the others, at once, and tells whether it is recorded', async () => {
      const { queue, sent, answers } = setUp();
      answers.push(taken, { kind: 'taken', refused: new Map([[0, { member: 'consent', message: 'no' }]]), now: undefined });
      expect(await queue.deliver(report('a'))).toBe(true);
      queue.add(report('b'));
      expect(await queue.deliver(report('c'))).toBe(false);
      await queue.flush();
      expect(sent.map(({ ids }) => ids)).toEqual([['a'], ['c', 'b']]);
    });

    it('is not sent later when it could not be sent now, and nobody waits for an issuer that just failed', async () => {
      const { queue, sent, answers, passMs } = setUp();
      const first = held();
      answers.push(first.answer);
      const waiting = [queue.deliver(report('a')), queue.deliver(report('b'))];
      first.give(failed);
      expect(await Promise.all(waiting)).toEqual([false, false]);
      expect(await queue.deliver(report('c'))).toBe(false);
      expect(queue.stats().queued).toBe(0);
      passMs(1000);
      expect(await queue.deliver(report('d'))).toBe(true);
      expect(sent.map(({ ids }) => ids)).toEqual([['a'], ['d']]);
    });
  });

  it('a batch is no larger than the issuer takes', async () => {
    const { queue, sent, answers } = setUp({ maxQueued: 2000 });
    answers.push(failed);
    for (let index = 0; index < 1200; index += 1) queue.add(report(`r${index}`));
    await queue.close();
    expect(sent.slice(1).map(({ ids }) => ids.length)).toEqual([500, 500, 200]);
    const large = setUp({ maxQueued: 2000 });
    large.answers.push(failed);
    for (let index = 0; index < 300; index += 1) large.queue.add(report(`r${index}`, { arguments: 'x'.repeat(4000) }));
    await large.queue.close();
    expect(Math.max(...large.sent.map(({ ids }) => ids.length))).toBeLessThanOrEqual(100);
    expect(large.queue.stats()).toMatchObject({ queued: 0, delivered: 300 });
  });
});
