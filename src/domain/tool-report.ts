/**
 * What a server says of a tool call (`POST /servers/reports`): read strictly, one report at a time, so that a bad one keeps no good one
 * back. Whether what it says can be true is judged where it is kept.
 */
import { type ConsentId, parseConsentId } from './ids.ts';

/** How a call went. `begun`: it is about to run; `denied`: it was not allowed, and did not. */
export type ReportedOutcome = (typeof outcomes)[number];

const outcomes = ['begun', 'success', 'failure', 'denied'] as const;

/** A report that can be kept. */
export interface ToolReport {
  /** The server's own name for it; the same however often it is sent. */
  id: string;
  at: Date;
  subject: string;
  /** An API key's own id, for calls with a key. */
  clientId: string;
  /** Absent for API keys and machine clients. */
  consentId?: ConsentId;
  /** Where the token stands in a status list. */
  status?: { list: number; index: number };
  tool: string;
  outcome: ReportedOutcome;
  /** The report that said that the call is about to run. */
  begunBy?: string;
  requestId?: string;
  traceId?: string;
  /** What goes into the event as it is. */
  detail: ReportDetail;
}

/** Facts of a call that are not asked for one by one. */
export interface ReportDetail {
  error?: string;
  unseen?: true;
  durationMs?: number;
  argumentBytes?: number;
  resultBytes?: number;
  argumentDigest?: string;
  arguments?: unknown;
}

/** What is wrong with a report, for whoever sends it. */
export interface ReportProblem {
  member: string;
  message: string;
}

/** Says that a server has dropped reports. */
export interface DroppedReports {
  id: string;
  at: Date;
  count: number;
  since: Date;
}

/** What a report is read by. */
export interface ReportTerms {
  now: Date;
  /** The tenant's issuer URL; its status lists are below it. */
  issuer: string;
}

/** A server's clock may be so far ahead of ours; a later instant would put an event into the future. */
export const reportAheadSeconds = 60;

/** How long a server may keep a report while it cannot be sent. */
export const reportAgeSeconds = 86_400;

/** The most that reported arguments may take as JSON. */
const maxArgumentCharacters = 8_192;

/** How deep they may be nested. */
const maxArgumentDepth = 12;

/** Reads a report. */
export function parseToolReport(value: unknown, terms: ReportTerms): { report: ToolReport } | { problem: ReportProblem } {
  const reader = new ReportReader(value);
  const report: ToolReport = {
    id: reader.text('id', idForm, 'must be 16 to 64 letters, digits, - or _, the same whenever this report is sent'),
    at: reader.instant(terms.now),
    subject: reader.text('subject', plainForm, 'must be the `sub` of the token'),
    clientId: reader.text('client', clientForm, 'must be the `client_id` of the token'),
    tool: reader.tool(),
    outcome: reader.outcome(),
    ...(reader.has('consent') && { consentId: reader.consent() }),
    ...reader.optional('status', () => reader.status(terms.issuer)),
    ...reader.optional('begunBy', () => reader.text('begunBy', idForm, 'must be the id of the report that said `begun`')),
    ...reader.optional('requestId', () => reader.text('requestId', plainForm, 'must be at most 128 printable ASCII characters')),
    ...reader.optional('traceId', () => reader.text('traceId', traceForm, 'must be 32 hexadecimal digits')),
    detail: {
      ...reader.optional('error', () => reader.text('error', errorForm, 'must be a short code such as tool or rpc:-32602, and no text')),
      ...(reader.has('unseen') && { unseen: true as const }),
      ...reader.optional('durationMs', () => reader.count('durationMs')),
      ...reader.optional('argumentBytes', () => reader.count('argumentBytes')),
      ...reader.optional('resultBytes', () => reader.count('resultBytes')),
      ...reader.optional('argumentDigest', () => reader.text('argumentDigest', digestForm, 'must be base64url')),
      ...reader.optional('arguments', () => reader.arguments()),
    },
  };
  return reader.problem ? { problem: reader.problem } : { report };
}

/** Reads a note of dropped reports. */
export function parseDroppedReports(
  value: unknown,
  { now }: Pick<ReportTerms, 'now'>,
): { dropped: DroppedReports } | { problem: ReportProblem } {
  const reader = new ReportReader(value);
  const id = reader.text('id', idForm, 'must be 16 to 64 letters, digits, - or _, the same whenever this is sent');
  const count = reader.count('count');
  const since = reader.anyInstant('since');
  // Kept at the beginning of the gap, where that is no lie; it must be the same when it is sent again.
  const isNear = since <= now && now.getTime() - since.getTime() <= reportAgeSeconds * 1_000;
  return reader.problem ? { problem: reader.problem } : { dropped: { id, count, since, at: isNear ? since : now } };
}

const idForm = /^[\w-]{16,64}$/;
const plainForm = /^[\x21-\x7e]{1,128}$/;
const clientForm = /^[\x21-\x7e]{1,2048}$/;
const traceForm = /^[\da-f]{32}$/;
const errorForm = /^[\w:.-]{1,64}$/;
const digestForm = /^[\w-]{16,128}$/;
const instantForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;

/** Reads members one after another, and keeps the first problem. */
class ReportReader {
  readonly #members: Readonly<Record<string, unknown>>;
  problem: ReportProblem | undefined;

  constructor(value: unknown) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    this.#members = isObject ? (value as Record<string, unknown>) : {};
    if (!isObject) this.#fail('', 'must be an object');
  }

  has(member: string): boolean {
    return Object.hasOwn(this.#members, member) && this.#members[member] !== null;
  }

  /** `null` is as good as absent: writers of JSON in other languages have nothing else to say. */
  optional<Name extends string, Value>(member: Name, read: () => Value): { [Key in Name]?: Value } {
    return (this.has(member) ? { [member]: read() } : {}) as { [Key in Name]?: Value };
  }

  text(member: string, form: RegExp, rule: string): string {
    const value = this.#get(member);
    return typeof value === 'string' && form.test(value) ? value : this.#fail(member, rule);
  }

  count(member: string): number {
    const value = this.#get(member);
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    this.#fail(member, 'must be a whole number');
    return 0;
  }

  anyInstant(member: string): Date {
    const value = this.#get(member);
    const at = new Date(typeof value === 'string' && instantForm.test(value) ? value : Number.NaN);
    if (!Number.isNaN(at.getTime())) return at;
    this.#fail(member, 'must be an instant in UTC, such as 2026-11-27T09:30:00.000Z');
    return new Date(0);
  }

  instant(now: Date): Date {
    const at = this.anyInstant('at');
    const aheadSeconds = (at.getTime() - now.getTime()) / 1_000;
    if (aheadSeconds > reportAheadSeconds || -aheadSeconds > reportAgeSeconds) {
      this.#fail(
        'at',
        `must be at most ${reportAheadSeconds / 60} minute ahead of ${now.toISOString()} and ${reportAgeSeconds / 3_600} hours behind it`,
      );
    }
    return at;
  }

  consent(): ConsentId {
    const value = this.#get('consent');
    const id = typeof value === 'string' ? parseConsentId(value) : undefined;
    return id ?? (this.#fail('consent', 'must be the `consent` of the token') as ConsentId);
  }

  tool(): string {
    const value = this.#get('tool');
    const isName = typeof value === 'string' && value.length <= 256 && isStorable(value);
    return isName ? value : this.#fail('tool', 'must be the name of the tool, at most 256 characters without NUL');
  }

  outcome(): ReportedOutcome {
    const value = this.#get('outcome');
    return outcomes.find((one) => one === value) ?? (this.#fail('outcome', `must be one of ${outcomes.join(', ')}`) as ReportedOutcome);
  }

  status(issuer: string): { list: number; index: number } {
    const { uri, index } = this.#get('status') as { uri?: unknown; index?: unknown };
    const base = `${issuer}/status/`;
    const list = typeof uri === 'string' && uri.startsWith(base) ? /^\d{1,6}$/.exec(uri.slice(base.length))?.[0] : undefined;
    if (list !== undefined && typeof index === 'number' && Number.isSafeInteger(index) && index >= 0 && index < 2 ** 31) {
      return { list: Number(list), index };
    }
    this.#fail('status', 'must be the `uri` and the `index` of the token’s status');
    return { list: 0, index: 0 };
  }

  arguments(): unknown {
    const value = this.#get('arguments');
    if (isStorableValue(value, maxArgumentDepth) && JSON.stringify(value).length <= maxArgumentCharacters) return value;
    return this.#fail(
      'arguments',
      `must take at most ${maxArgumentCharacters} characters, be nested at most ${maxArgumentDepth} deep, and hold no NUL`,
    );
  }

  #get(member: string): unknown {
    return Object.hasOwn(this.#members, member) ? this.#members[member] : undefined;
  }

  #fail(member: string, message: string): string {
    this.problem ??= { member, message };
    return '';
  }
}

/** What a database takes for text. */
function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

function isStorableValue(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return isStorable(value);
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.entries(value).every(([name, item]) => isStorable(name) && isStorableValue(item, depth - 1));
}
