/**
 * A request as data that does not know the issuer it will be sent to: whatever only a running issuer gives out stands in it as a
 * word like `zqClientIdqz`, which is replaced when it is sent. So a request that broke something can be read, kept and sent again.
 */

/** At whose place a request is made: the root tenant, one below its URL, one on a host of its own. */
export const placeNames = ['root', 'below', 'ownHost'] as const;

/** One of them. */
export type PlaceName = (typeof placeNames)[number];

/** What is in a body. */
export type DraftBody =
  | { kind: 'form'; pairs: [name: string, value: string][] }
  /** `more` is written behind the members, so that a name can come twice. */
  | { kind: 'json'; value: unknown; more?: [name: string, value: string][] }
  /** Characters up to U+00FF, one byte each. */
  | { kind: 'bytes'; bytes: string };

/** How the end of a body is told. */
export type Framing = 'length' | 'chunked' | 'both' | 'too-short' | 'too-long' | 'odd-length' | 'none';

/** How values of queries and forms are spelled. */
export type Spelling = 'encoded' | 'raw' | 'all-encoded' | 'plus';

/** The request. */
export interface Draft {
  /** Of the honest request it was made from. */
  name: string;
  place: PlaceName;
  method: string;
  /** Below the issuer, without query. */
  path: string;
  query: [name: string, value: string][];
  headers: [name: string, value: string][];
  body?: DraftBody;
  framing: Framing;
  spelling: Spelling;
}

/** What stands for `zq…qz` words at one place. */
export type Facts = Readonly<Record<string, string>>;

/** A word that stands for a fact. */
export function fact(name: string): string {
  return `zq${name}qz`;
}

/** Bytes, and what is known of how they are read. */
export interface WireRequest {
  bytes: Buffer;
  /** What it says, before its body is cut into chunks. */
  content: string;
  isHead: boolean;
  /** Whether its framing or its characters are no HTTP: it may be answered by the parser, or not at all. */
  isMalformed: boolean;
  /** The body, and what it was framed as; for questions about the answer. */
  accept: string;
  cookie: string;
}

/** Puts a draft into bytes for a place. */
export function writeRequest(draft: Draft, place: { basePath: string; host: string; facts: Facts }): WireRequest {
  const fill = (text: string) => text.replaceAll(/zq(\w+?)qz/g, (_, name: string) => place.facts[name] ?? `no-${name}`);
  const pairs = (list: readonly [string, string][]) =>
    list.map(([name, value]) => `${spell(name, draft.spelling)}=${spell(value, draft.spelling)}`).join('&');
  const query = draft.query.length > 0 ? `?${pairs(draft.query)}` : '';
  const path = /^\/(?:\.well-known|healthz|readyz|metrics)/.test(draft.path) ? draft.path : `${place.basePath}${draft.path}`;
  const target = toWire(fill(`${path}${query}`));
  const body = draft.body && toBytes(draft.body, { fill, pairs });
  const named = new Set(draft.headers.map(([name]) => name.toLowerCase()));
  const headers: [string, string][] = [
    ...(named.has('host') ? [] : ([['Host', place.host]] as [string, string][])),
    ...(draft.body && !named.has('content-type') ? ([['Content-Type', mediaTypes[draft.body.kind]]] as [string, string][]) : []),
    ...draft.headers.map(([name, value]): [string, string] => [name, toWire(fill(value))]),
  ];
  const framed = frame(body, draft.framing);
  const lines = [`${draft.method} ${target} HTTP/1.1`, ...[...headers, ...framed.headers].map(([name, value]) => `${name}: ${value}`)];
  const header = (wanted: string) => headers.find(([name]) => name.toLowerCase() === wanted)?.[1] ?? '';
  return {
    content: `${lines.join('\r\n')}\r\n\r\n${body ?? ''}`,
    bytes: Buffer.from(`${lines.join('\r\n')}\r\n\r\n${framed.body}`, 'latin1'),
    isHead: draft.method === 'HEAD',
    isMalformed:
      framed.isMalformed ||
      lines.some((line) => /[^\P{Cc}\t\x80-\x9f]/u.test(line)) ||
      / .* .* /.test(lines[0] as string) ||
      named.has('expect'),
    accept: header('accept'),
    cookie: header('cookie'),
  };
}

const mediaTypes = { form: 'application/x-www-form-urlencoded', json: 'application/json', bytes: 'application/octet-stream' } as const;

function toBytes(
  body: DraftBody,
  { fill, pairs }: { fill: (text: string) => string; pairs: (list: [string, string][]) => string },
): string {
  if (body.kind === 'bytes') return fill(body.bytes);
  if (body.kind === 'form') return toWire(fill(pairs(body.pairs)));
  const text = deepen(JSON.stringify(body.value) ?? 'null');
  const more = (body.more ?? []).map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',');
  const isFilled = text.endsWith('}') && more !== '';
  return toWire(fill(isFilled ? `${text.slice(0, -1)}${text === '{}' ? '' : ','}${more}}` : text));
}

/** What is nested so deeply that it cannot be written as a value here stands as `"zzdeep<depth>zz"`. */
function deepen(text: string): string {
  return text.replaceAll(/"zzdeep(\d+)zz"/g, (_, depth: string) => `${'['.repeat(Number(depth))}${']'.repeat(Number(depth))}`);
}

function frame(body: string | undefined, framing: Framing): { headers: [string, string][]; body: string; isMalformed: boolean } {
  if (body === undefined) return { headers: [], body: '', isMalformed: false };
  const length = String(body.length);
  const chunked = () => {
    const size = Math.max(1, Math.ceil(body.length / 3));
    const chunks = body.match(new RegExp(`[^]{1,${Math.min(size, 60_000)}}`, 'g')) ?? [];
    return `${chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')}0\r\n\r\n`;
  };
  switch (framing) {
    case 'length':
      return { headers: [['Content-Length', length]], body, isMalformed: false };
    case 'chunked':
      return { headers: [['Transfer-Encoding', 'chunked']], body: chunked(), isMalformed: false };
    case 'both':
      return {
        headers: [
          ['Content-Length', length],
          ['Transfer-Encoding', 'chunked'],
        ],
        body: chunked(),
        isMalformed: true,
      };
    case 'too-short':
      return { headers: [['Content-Length', String(body.length + 7)]], body, isMalformed: true };
    case 'too-long':
      return { headers: [['Content-Length', String(Math.max(0, body.length - 7))]], body, isMalformed: true };
    case 'odd-length':
      return { headers: [['Content-Length', `-${length}`]], body, isMalformed: true };
    case 'none':
      return { headers: [], body, isMalformed: true };
    default:
      return framing satisfies never;
  }
}

function spell(text: string, spelling: Spelling): string {
  switch (spelling) {
    case 'encoded':
      return encodeURIComponent(text.toWellFormed());
    case 'plus':
      return encodeURIComponent(text.toWellFormed()).replaceAll('%20', '+');
    case 'all-encoded':
      return /zq\w+?qz/.test(text) ? encodeURIComponent(text.toWellFormed()) : [...Buffer.from(text)].map(percent).join('');
    case 'raw':
      return text.replaceAll(/[\p{ASCII}--[\x21-\x7e]]|[&#]/gv, (character) => percent(character.charCodeAt(0)));
    default:
      return spelling satisfies never;
  }
}

function percent(byte: number): string {
  return `%${byte.toString(16).padStart(2, '0')}`;
}

/** Characters as UTF-8 bytes, one character each. */
function toWire(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
