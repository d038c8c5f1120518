/** Whether the audit trail of one tenant is as it was sealed: given its seals in order, each with the events that are there now. */
import type { KeyObject } from 'node:crypto';
import { type AuditFinding, compareWithSealed, type FoundEvent } from '../domain/audit-differences.ts';
import { type AuditSeal, readSeal, type SealStatement } from '../domain/audit-seal.ts';
import { isSignedBy } from '../platform/derived-signing-key.ts';
import { sha256 } from '../platform/digest.ts';

/** The newest seal that was looked at; whoever keeps it elsewhere can tell later that nothing was cut off. */
export interface TrailHead {
  seal: number;
  /** How many events the trail has had, up to here. */
  events: number;
  sealedAt: string;
  kid: string;
  jws: string;
}

/** What was found out about a tenant's trail. */
export interface TrailReport {
  tenant: string;
  /** How many were looked at. */
  seals: number;
  events: number;
  head?: TrailHead;
  /** Months that went when their time was over; their seals are there. */
  dropped: string[];
  findings: AuditFinding[];
  /** Findings beyond those that are listed. */
  more: number;
}

/** Events of a seal as they are now; `drops`: the months that some of them say were dropped by retention. */
export interface PresentEvents {
  found: readonly FoundEvent[];
  drops: readonly string[];
}

const maxFindings = 100;

/** One look at one trail. */
export class TrailCheck {
  readonly report: TrailReport;
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #startsAnywhere: boolean;
  #previous: { number: number; jws: string; statement: SealStatement | undefined } | undefined;
  readonly #absent = new Map<string, { from: number; to: number; events: number; missing: AuditFinding[] }>();
  readonly #dropped = new Set<string>();

  /** `keys`: the public keys whose signatures count, by their ids. `startsAnywhere`: the first seal need not be the first of all. */
  constructor(tenant: string, { keys, startsAnywhere }: { keys: ReadonlyMap<string, KeyObject>; startsAnywhere: boolean }) {
    this.report = { tenant, seals: 0, events: 0, dropped: [], findings: [], more: 0 };
    this.#keys = keys;
    this.#startsAnywhere = startsAnywhere;
  }

  /** Looks at the next seal. `number`: the one that it is kept under. */
  take(number: number, seal: AuditSeal, present: PresentEvents): void {
    this.report.seals += 1;
    const read = readSeal(seal.jws);
    if (read) this.#judgeSeal(number, seal, read);
    else this.find({ kind: 'seal-changed', seal: number, problem: 'it is no seal' });
    this.#judgeChain(number, read?.statement);
    if (read) this.#judgeEvents(number, { ...seal, statement: read.statement }, present);
    for (const month of present.drops) this.#dropped.add(month);
    this.#previous = { number, jws: seal.jws, statement: read?.statement };
    this.report.events += present.found.length;
    if (!read) return;
    const { first, events, sealedAt } = read.statement;
    this.report.head = { seal: number, events: first + events - 1, sealedAt, kid: read.kid, jws: seal.jws };
  }

  /** Looks at the last seal once more: whoever delivers one may not have heard that it arrived. The same events must be with it. */
  takeAgain(number: number, seal: AuditSeal, present: PresentEvents): void {
    const read = readSeal(seal.jws);
    if (read) this.#judgeEvents(number, { ...seal, statement: read.statement }, present);
  }

  /** Notes something that is not as it should be. */
  find(finding: AuditFinding): void {
    if (this.report.findings.length < maxFindings) this.report.findings.push(finding);
    else this.report.more += 1;
  }

  /** Ends the look. `drops`: months that events say were dropped which are not sealed yet. */
  finish(drops: readonly string[] = []): TrailReport {
    for (const month of drops) this.#dropped.add(month);
    for (const [month, { from, to, events, missing }] of this.#absent) {
      if (this.#dropped.has(month)) {
        this.report.dropped.push(month);
        continue;
      }
      if (events > 0) this.find({ kind: 'events-gone', month, from, to, events });
      for (const finding of missing) this.find(finding);
    }
    this.report.dropped.sort();
    return this.report;
  }

  #judgeSeal(number: number, { jws }: AuditSeal, { statement, kid }: { statement: SealStatement; kid: string }): void {
    const problem = (text: string) => this.find({ kind: 'seal-changed', seal: number, problem: text });
    if (statement.tenant !== this.report.tenant) problem(`it is a seal of the tenant ${statement.tenant}`);
    if (statement.seal !== number) problem(`it is the seal ${statement.seal}`);
    const key = this.#keys.get(kid);
    if (!key) this.find({ kind: 'seal-unsigned', seal: number, kid });
    else if (!isSignedBy(jws, key)) problem('its signature does not hold');
  }

  #judgeChain(number: number, statement: SealStatement | undefined): void {
    const previous = this.#previous;
    const expected = previous ? previous.number + 1 : this.#startsAnywhere ? number : 1;
    if (number > expected) this.find({ kind: 'seals-missing', from: expected, to: number - 1 });
    if (number < expected) this.find({ kind: 'seal-changed', seal: number, problem: `it stands after the seal ${expected - 1}` });
    if (!statement || number !== expected) return;
    if (!previous) {
      if (number === 1 && statement.previous !== null)
        this.find({ kind: 'chain-broken', seal: number, expected: null, found: statement.previous });
      return;
    }
    const digest = sha256(previous.jws);
    if (statement.previous !== digest) this.find({ kind: 'chain-broken', seal: number, expected: digest, found: statement.previous });
    if (!previous.statement) return;
    if (!goesOn(previous.statement, statement)) {
      this.find({ kind: 'seal-changed', seal: number, problem: 'it does not begin where the one before it ends' });
    }
    const next = previous.statement.first + previous.statement.events;
    if (statement.first !== next) {
      this.find({ kind: 'seal-changed', seal: number, problem: `it numbers its events from ${statement.first} on, where ${next} is next` });
    }
  }

  #judgeEvents(number: number, { statement, digests }: AuditSeal & { statement: SealStatement }, { found }: PresentEvents): void {
    const { events, first, digest, month } = statement;
    if (sha256(digests) !== digest || digests.length !== events * 32) {
      const isWhole = sha256(Buffer.from(found.map((event) => event.digest).join(''), 'hex')) === digest;
      const rest = isWhole ? 'its events are as they were sealed' : 'its events are not as they were sealed; where, cannot be said';
      this.find({ kind: 'seal-changed', seal: number, problem: `the digests kept with it are not those that it was made over; ${rest}` });
      return;
    }
    if (month !== null && events > 0 && found.length === 0) {
      const absent = this.#absentOf(month, number);
      absent.to = number;
      absent.events += events;
      return;
    }
    const hex = Buffer.from(digests).toString('hex');
    const sealed = Array.from({ length: events }, (_, index) => hex.slice(index * 64, index * 64 + 64));
    for (const finding of compareWithSealed({ seal: number, first }, sealed, found)) {
      if (finding.kind !== 'event-missing' || month === null) this.find(finding);
      else this.#missing(month, number, finding);
    }
  }

  #absentOf(month: string, number: number): { from: number; to: number; events: number; missing: AuditFinding[] } {
    const known = this.#absent.get(month) ?? { from: number, to: number, events: 0, missing: [] };
    this.#absent.set(month, known);
    return known;
  }

  #missing(month: string, number: number, finding: AuditFinding): void {
    const { missing } = this.#absentOf(month, number);
    if (missing.length < maxFindings) missing.push(finding);
    else this.report.more += 1;
  }
}

function goesOn(before: SealStatement, seal: SealStatement): boolean {
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  return same(seal.after, before.until) || (same(seal.after, before.after) && same(seal.until, before.until));
}
