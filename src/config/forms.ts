/** The forms that settings come in: text to typed value, each with a message that follows the setting's name. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { type IssuerUrlProblem, readIssuerUrl } from '../domain/issuer-url.ts';

type Read<Value> = { value: Value } | { problem: string };

function form<Value>(read: (text: string) => Read<Value>): z.ZodType<Value, string> {
  return z.string().transform((text, context) => {
    const outcome = read(text);
    if ('value' in outcome) return outcome.value;
    context.addIssue({ code: 'custom', message: outcome.problem });
    return z.NEVER;
  });
}

/** A whole number in a range. */
export function wholeNumber(range: { min: number; max: number }): z.ZodType<number, string> {
  return form<number>((text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    return value >= range.min && value <= range.max ? { value } : { problem: `is not a whole number from ${range.min} to ${range.max}` };
  });
}

const unitSeconds = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/** A number of processes; `auto` leaves it to the machine. */
export function processCount(range: { max: number }): z.ZodType<number | 'auto', string> {
  return form<number | 'auto'>((text) => {
    if (text === 'auto') return { value: 'auto' };
    const value = /^\d{1,3}$/.test(text) ? Number(text) : 0;
    return value >= 1 && value <= range.max ? { value } : { problem: `is neither auto nor a whole number from 1 to ${range.max}` };
  });
}

/** A duration such as `30s`, `15m`, `12h`, `30d`, in seconds; the range is written in the same way. */
export function duration(range: { min: string; max: string }): z.ZodType<number, string> {
  const [min, max] = [secondsOf(range.min), secondsOf(range.max)];
  return form<number>((text) => {
    const value = secondsOf(text);
    return value >= min && value <= max ? { value } : { problem: `is not a duration from ${range.min} to ${range.max}` };
  });
}

function secondsOf(text: string): number {
  const parts = /^(\d{1,6})([smhd])$/.exec(text);
  return parts ? Number(parts[1]) * unitSeconds[parts[2] as keyof typeof unitSeconds] : Number.NaN;
}

/** What can be sent as a bearer token (RFC 6750 §2.1), and nobody guesses. */
export function bearerToken(): z.ZodType<string, string> {
  return form<string>((text) =>
    /^[\w~+/.=-]{32,512}$/.test(text) ? { value: text } : { problem: 'is not 32 to 512 letters, digits and -._~+/=' },
  );
}

/** Part of a whole. */
export function share(): z.ZodType<number, string> {
  return form<number>((text) =>
    /^(?:0|1|0?\.\d{1,9}|1\.0+)$/.test(text) ? { value: Number(text) } : { problem: 'is not a number from 0 to 1, such as 0.05' },
  );
}

/** A name that needs no escaping anywhere. */
export function word(): z.ZodType<string, string> {
  return form<string>((text) => (/^[\w.-]{1,100}$/.test(text) ? { value: text } : { problem: 'is not 1 to 100 letters, digits and -._' }));
}

/** The base of a collector: a URL to add a path to. It is printed, so it may hold no password. */
export function collectorUrl(): z.ZodType<string, string> {
  return form<string>((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (!url || !/^https?:$/.test(url.protocol)) return { problem: 'is not an http or https URL' };
    const isBare = url.username === '' && url.password === '' && !/[?#]/.test(text);
    return isBare ? { value: url.href.replace(/\/+$/, '') } : { problem: 'contains a user, a query or a fragment' };
  });
}

/** Where something is posted to. It is printed, so it may hold no password. */
export function webhookUrl(): z.ZodType<string, string> {
  return form<string>((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (!url || !/^https?:$/.test(url.protocol)) return { problem: 'is not an http or https URL' };
    return url.username === '' && url.password === '' && !text.includes('#')
      ? { value: url.href }
      : { problem: 'contains a user or a fragment' };
  });
}

/** A key as Standard Webhooks writes it; the value is what was written, and no message repeats it. */
export function webhookSecret(): z.ZodType<string, string> {
  return form<string>((text) => {
    const [, encoded] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? [];
    const bytes = Buffer.from(encoded ?? '', 'base64').length;
    return encoded !== undefined && bytes >= 24 && bytes <= 64
      ? { value: text }
      : { problem: 'is not whsec_ and 24 to 64 bytes in base64' };
  });
}

/** Headers as OpenTelemetry writes them; the value is what was written, and no message repeats it. */
export function headerList(): z.ZodType<string, string> {
  return form<string>((text) =>
    text.split(',').every((pair) => isHeader(pair))
      ? { value: text }
      : { problem: 'is not a list of name=value pairs, values percent-encoded' },
  );
}

function isHeader(pair: string): boolean {
  const [, value] = /^\s*[\w!#$%&'*+.^`|~-]+\s*=([\x20-\x7e]*)$/.exec(pair) ?? [];
  try {
    return value !== undefined && !/[\r\n\0]/.test(decodeURIComponent(value));
  } catch {
    return false;
  }
}

/** One of a few words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(words: Words): z.ZodType<Words[number], string> {
  return form<Words[number]>((text) =>
    words.includes(text) ? { value: text as Words[number] } : { problem: `is not one of ${words.join(', ')}` },
  );
}

/** A path; made absolute later, against the folder the process was started in. */
export function path(): z.ZodType<string, string> {
  return form<string>((text) => (text.includes('\0') ? { problem: 'is not a path' } : { value: text }));
}

/** The issuer URL in its one canonical spelling: it is compared byte by byte (MCP-4). */
export function issuerUrl(): z.ZodType<URL, string> {
  return form<URL>((text) => {
    const read = readIssuerUrl(text);
    return 'url' in read ? { value: read.url } : { problem: issuerWords(read) };
  });
}

function issuerWords(wrong: IssuerUrlProblem): string {
  switch (wrong.problem) {
    case 'not-http':
      return 'is not an http or https URL';
    case 'has-userinfo':
      return 'contains a user name or password';
    case 'has-query':
      return 'contains a query or a fragment';
    case 'plain-http':
      return 'is plain http, and its host is not this machine';
    case 'not-canonical':
      return `is not in canonical form; write ${wrong.canonical}`;
  }
}

/** A resource URI, as `server add` takes it. */
export function resourceUrl(): z.ZodType<string, string> {
  return form<string>((text) =>
    /^https?:\/\//i.test(text) && URL.canParse(text) && !text.includes('#')
      ? { value: text }
      : { problem: 'is not an http or https URL without a fragment' },
  );
}

/** A URL of one of some schemes; the message never repeats it, because it may hold a password. */
export function secretUrl(...schemes: readonly string[]): z.ZodType<string, string> {
  const problem = `is not a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`;
  return form<string>((text) => {
    if (!URL.canParse(text)) return { problem };
    const url = new URL(text);
    // PostgreSQL's sockets: postgres://user@/database?host=/var/run/postgresql
    const hasHost = url.hostname !== '' || url.searchParams.has('host');
    return hasHost && schemes.includes(url.protocol.slice(0, -1)) ? { value: text } : { problem };
  });
}

/** A host to listen on: an address, or a name that the system resolves. */
export function host(): z.ZodType<string, string> {
  return form<string>((text) => {
    const bare = text.replace(/^\[(.*)\]$/, '$1');
    const isName = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i.test(bare);
    return isIP(bare) !== 0 || (isName && !/^[\d.]+$/.test(bare)) ? { value: bare } : { problem: 'is neither an address nor a host name' };
  });
}

/** Addresses and networks, separated by commas, as one list to ask. */
export function networks(): z.ZodType<readonly string[], string> {
  return form<readonly string[]>((text) => {
    const entries = text.split(',').map((entry) => entry.trim());
    const wrong = entries.find((entry) => !isNetwork(entry));
    return wrong === undefined
      ? { value: entries }
      : { problem: `contains "${wrong}", which is neither an address nor a network in CIDR form` };
  });
}

function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || address.includes('%') || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
}

const minKeyBytes = 32;

/**
 * A key: random bytes in base64url (or base64) or hex, as `openssl rand -base64 32` prints them. Its value is base64url, however
 * it was written, so that rewriting it changes nothing.
 * A sentence or a repeated pattern is refused: 32 random bytes hold fewer than 16 different ones about never (p < 10⁻¹⁶).
 */
export function key(): z.ZodType<string, string> {
  return form<string>((text) => {
    const isHex = /^[0-9a-f]+$/i.test(text) && text.length % 2 === 0 && text.length >= 2 * minKeyBytes;
    if (!isHex && !/^[\w+/-]+={0,2}$/.test(text)) return { problem: 'is neither base64url nor hex' };
    const bytes = Buffer.from(text, isHex ? 'hex' : 'base64');
    if (bytes.length < minKeyBytes) return { problem: `holds ${bytes.length} bytes, and needs at least ${minKeyBytes}` };
    return new Set(bytes).size < 16 ? { problem: 'does not look random' } : { value: bytes.toString('base64url') };
  });
}
