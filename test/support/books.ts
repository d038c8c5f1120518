/**
 * Exact books of what an issuer acknowledged. Whoever loads an issuer writes down each answer; when the issuer has gone through
 * whatever it had to, the books say what must be true: what was acknowledged stands, what was ended stays ended, and each
 * decided operation has its audit event. A request without an answer is undecided: it may have happened once, or not at all.
 */
import type { RawResponse } from './http-exchange.ts';

/** Operations that are counted, by the audit event they leave. */
export const countedEvents = [
  'client.registered',
  'user.signed-in',
  'consent.given',
  'token.issued',
  'token.revoked',
  'tool.called',
] as const;

/** One of them. */
export type CountedEvent = (typeof countedEvents)[number];

/** How often something was acknowledged, and how often nobody knows. */
export interface Tally {
  acknowledged: number;
  undecided: number;
}

const maxSamples = 10_000;

/** The books of one run. */
export class Books {
  readonly tallies = new Map<CountedEvent, Tally>();
  /** Answers that no fault of a database or network excuses; must be empty in the end. */
  readonly violations: string[] = [];
  /** Requests by what became of them: `token 200`, `token 503`, `token no answer`. */
  readonly outcomes = new Map<string, number>();

  /** Samples of how long requests took, in milliseconds, by operation; bounded. */
  readonly latencies = new Map<string, number[]>();
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Writes down how long a request took. */
  time(operation: string, ms: number): void {
    const kept = this.latencies.get(operation) ?? [];
    this.latencies.set(operation, kept);
    if (kept.length < maxSamples) kept.push(ms);
    else kept[Math.floor(this.#random() * maxSamples)] = ms;
  }

  /** Writes down an operation that was acknowledged. */
  acknowledge(event: CountedEvent): void {
    this.#tallyOf(event).acknowledged += 1;
  }

  /** Writes down an operation of which nobody knows whether it happened. */
  leaveOpen(event: CountedEvent): void {
    this.#tallyOf(event).undecided += 1;
  }

  /** Writes down what should not have been. */
  accuse(what: string): void {
    this.violations.push(what);
  }

  /**
   * Judges an answer to something that was in order: the expected status is `done`. Trouble of the infrastructure must say so (503
   * with `Retry-After`) and must not sound like a verdict; then, and without an answer, it is `undecided`. All else is accused.
   */
  judge(operation: string, expected: number, answer: RawResponse | undefined): 'done' | 'undecided' | 'refused' {
    this.count(`${operation} ${answer?.status ?? 'no answer'}`);
    if (answer === undefined) return 'undecided';
    if (answer.status === expected) return 'done';
    if (answer.status === 503 && Number(answer.headers['retry-after']) > 0 && !/invalid_|"active"/.test(answer.text)) return 'undecided';
    this.accuse(`${operation}: ${answer.status} ${answer.text.slice(0, 200)}`);
    return 'refused';
  }

  /** Counts an outcome. */
  count(outcome: string): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }

  /** How many requests were told to come again. */
  troubles(): number {
    return [...this.outcomes].reduce((sum, [outcome, count]) => (/ (503|not now)$/.test(outcome) ? sum + count : sum), 0);
  }

  /** Compares with the audit trail: never less than acknowledged, never more than could have happened. */
  compareWith(recorded: ReadonlyMap<string, number>): void {
    for (const event of countedEvents) {
      const { acknowledged, undecided } = this.#tallyOf(event);
      const count = recorded.get(event) ?? 0;
      if (count >= acknowledged && count <= acknowledged + undecided) continue;
      this.accuse(`audit: ${count} × ${event}, where ${acknowledged} were acknowledged and ${undecided} undecided`);
    }
  }

  #tallyOf(event: CountedEvent): Tally {
    const tally = this.tallies.get(event) ?? { acknowledged: 0, undecided: 0 };
    this.tallies.set(event, tally);
    return tally;
  }
}
