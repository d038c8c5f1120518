import { ambientId, ambientLater } from './ambient.ts';
import { type CallReport, reportJson } from './call-report.ts';
import type { DropNote, ReportAnswer, SendReports } from './send-reports.ts';

/** What became of the reports so far. */
export interface ReportStats {
  /** Waiting, or on their way. */
  readonly queued: number;
  /** The issuer has them. */
  readonly delivered: number;
  /** There was no room for them. The issuer is told how many, with the next ones that reach it. */
  readonly dropped: number;
  /** The issuer would not have them. */
  readonly refused: number;
  /** What went wrong last; undefined once something is delivered again. */
  readonly problem: string | undefined;
}

/** What a {@link ReportQueue} works with. */
export interface ReportQueueOptions {
  readonly send: SendReports;
  readonly now: () => Date;
  /** The most reports that wait. */
  readonly maxQueued: number;
}

interface Item {
  readonly report: CallReport;
  /** Whether the clock's offset was tried on it. */
  readonly isRedated?: boolean;
  /** Somebody waits to hear whether it is recorded. */
  readonly settle?: (isRecorded: boolean) => void;
}

/** Reports that come within this time of the last batch go together. */
const PAUSE_MS = 250;
/** So many do not wait any longer. */
const FULL_BATCH = 100;
/** The issuer takes no more at once. */
const MAX_BATCH = 500;
const MAX_BATCH_CHARACTERS = 400_000;
/** After a failure it is tried again so much later, then twice as much, and so on. */
const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 30_000;

/**
 * Keeps reports until the issuer has them. Nothing waits for it, it throws nothing, and it keeps no process alive: the
 * first report goes at once, those that follow within a quarter of a second together. While the issuer is away they
 * stay, as many as there is room for; what comes on top is dropped and counted.
 */
export class ReportQueue {
  readonly #options: ReportQueueOptions;
  #waiting: Item[] = [];
  #underWay = 0;
  /** One batch at a time: what comes meanwhile goes together with the next. */
  #sending: Promise<boolean> | undefined;
  #isArmed = false;
  #isClosed = false;
  #endedAtMs = Number.NEGATIVE_INFINITY;
  #retryAtMs = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #offsetMs = 0;
  #delivered = 0;
  #dropped = 0;
  #refused = 0;
  #problem: string | undefined;
  /** Dropped since the last note. */
  #unsaid: { count: number; since: Date } | undefined;
  /** The note that is being said: the same until it was heard, so that it counts once. */
  #note: DropNote | undefined;

  constructor(options: ReportQueueOptions) {
    this.#options = options;
  }

  stats(): ReportStats {
    return {
      queued: this.#waiting.length + this.#underWay,
      delivered: this.#delivered,
      dropped: this.#dropped,
      refused: this.#refused,
      problem: this.#problem,
    };
  }

  /** Takes a report. */
  add(report: CallReport): void {
    if (this.#isClosed || this.#waiting.length + this.#underWay >= this.#options.maxQueued) this.#drop();
    else this.#waiting.push({ report });
    this.#schedule();
  }

  /**
   * Sends a report before all others; tells whether the issuer has recorded it. It is tried once: who waits for it
   * refuses the call otherwise.
   */
  deliver(report: CallReport): Promise<boolean> {
    const isAway = this.#nowMs() < Math.min(this.#retryAtMs, this.#endedAtMs + FIRST_RETRY_MS);
    if (this.#isClosed || isAway || this.#waiting.length >= this.#options.maxQueued) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#waiting.unshift({ report, settle: resolve });
      // While others are on their way, it goes with the next ones: many calls that wait share one request.
      if (this.#sending === undefined) void this.#sendSome();
    });
  }

  /** Sends all that waits, unless the issuer is to be left alone for now. Resolves when it is delivered, or an attempt has failed. */
  async flush(): Promise<void> {
    if (this.#sending === undefined && this.#nowMs() < this.#retryAtMs) return;
    for (;;) {
      const isThere = await (this.#sending ?? this.#sendSome());
      if (!isThere || this.#waiting.length === 0 || this.#nowMs() < this.#retryAtMs) return;
    }
  }

  /** The last attempt; what comes afterwards is dropped. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#sending;
    this.#retryAtMs = Number.NEGATIVE_INFINITY;
    await this.flush();
  }

  #nowMs(): number {
    return this.#options.now().getTime();
  }

  #drop(): void {
    this.#dropped += 1;
    this.#unsaid ??= { count: 0, since: this.#options.now() };
    this.#unsaid.count += 1;
  }

  #schedule(): void {
    const [first] = this.#waiting;
    if (!first || this.#isArmed || this.#sending !== undefined) return;
    const isPressing = first.settle !== undefined || this.#waiting.length >= FULL_BATCH;
    const waitMs = Math.max(this.#retryAtMs, isPressing ? 0 : this.#endedAtMs + PAUSE_MS) - this.#nowMs();
    if (waitMs <= 0) {
      void this.#sendSome();
      return;
    }
    this.#isArmed = true;
    // A clock that was set back must not hold reports up.
    ambientLater(Math.min(waitMs, LAST_RETRY_MS), () => {
      this.#isArmed = false;
      if (this.#sending === undefined) void this.#sendSome();
    });
  }

  /** Sends the first that wait; false when they did not arrive, or there are none. Not while another batch is under way. */
  async #sendSome(): Promise<boolean> {
    const items = this.#waiting.splice(0, MAX_BATCH);
    if (items.length === 0) return false;
    this.#underWay = items.length;
    this.#sending = this.#send(items);
    try {
      return await this.#sending;
    } finally {
      this.#sending = undefined;
      this.#schedule();
    }
  }

  async #send(items: Item[]): Promise<boolean> {
    const texts: string[] = [];
    let characters = 0;
    for (const { report } of items) {
      const text = await reportJson(report, this.#offsetMs);
      characters += text.length;
      if (texts.length > 0 && characters > MAX_BATCH_CHARACTERS) break;
      texts.push(text);
    }
    this.#waiting.unshift(...items.splice(texts.length));
    this.#underWay = items.length;

    this.#takeNote();
    const answer = await this.#options.send(texts, this.#note);
    this.#underWay = 0;
    this.#endedAtMs = this.#nowMs();
    this.#learn(items, answer);
    return answer.kind === 'taken';
  }

  #takeNote(): void {
    if (this.#note !== undefined || this.#unsaid === undefined) return;
    this.#note = { id: `rpt_${ambientId()}`, ...this.#unsaid };
    this.#unsaid = undefined;
  }

  #learn(items: readonly Item[], answer: ReportAnswer): void {
    switch (answer.kind) {
      case 'taken': {
        this.#failures = 0;
        this.#retryAtMs = Number.NEGATIVE_INFINITY;
        this.#note = undefined;
        this.#problem = answer.refused.values().next().value?.message;
        this.#settle(items, answer);
        return;
      }
      case 'unreadable':
        // Sending the same again would fare no better.
        this.#problem = answer.message;
        this.#refused += items.length;
        for (const { settle } of items) settle?.(false);
        return;
      case 'failed': {
        this.#problem = answer.message;
        const backOffMs = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LAST_RETRY_MS);
        this.#failures += 1;
        this.#retryAtMs = this.#endedAtMs + Math.max(backOffMs, answer.retryAfterSeconds * 1000);
        // Who waits is told at once, those who are not under way yet too.
        const all = [...items, ...this.#waiting];
        this.#waiting = all.filter(({ settle }) => settle === undefined);
        for (const { settle } of all) settle?.(false);
        return;
      }
    }
  }

  #settle(items: readonly Item[], answer: Extract<ReportAnswer, { kind: 'taken' }>): void {
    const misdated: Item[] = [];
    for (const [index, item] of items.entries()) {
      const refusal = answer.refused.get(index);
      if (refusal?.member === 'at' && item.isRedated !== true && answer.now !== undefined) {
        misdated.push({ ...item, isRedated: true });
        continue;
      }
      if (refusal === undefined) this.#delivered += 1;
      else this.#refused += 1;
      item.settle?.(refusal === undefined);
    }
    if (misdated.length === 0 || answer.now === undefined) return;
    // This server's clock is wrong; the issuer's is the one that counts in its books.
    this.#offsetMs = answer.now.getTime() - this.#nowMs();
    this.#waiting.unshift(...misdated);
  }
}
