/** How long a document that was fetched may be gone by without asking again (RFC 9111 §4.2). */

/** The headers of an answer, as `Headers` has them. */
export interface AnswerHeaders {
  get(name: string): string | null;
}

/** Bounds of our own around what the sender says; in seconds. `unsaid` counts where it says nothing. */
export interface FreshnessBounds {
  least: number;
  unsaid: number;
  most: number;
}

/**
 * Seconds that an answer stays fresh from `now` on, within bounds: by `s-maxage` (our copy is shared), else `max-age`, else
 * `Expires`, less the `Age` it came with. `no-store`, `no-cache`, and what cannot be read mean the least: the document is needed
 * for as long as its client is known, so it is asked for again that often instead of not being kept.
 */
export function freshSeconds(headers: AnswerHeaders, now: Date, bounds: FreshnessBounds): number {
  const said = saidSeconds(headers, now);
  return Math.min(Math.max(said ?? bounds.unsaid, bounds.least), bounds.most);
}

function saidSeconds(headers: AnswerHeaders, now: Date): number | undefined {
  const directives = readDirectives(headers.get('cache-control') ?? '');
  if (directives.has('no-store') || directives.has('no-cache')) return 0;
  const lifetime = directives.get('s-maxage') ?? directives.get('max-age');
  if (lifetime !== undefined) return readSeconds(lifetime) - readSeconds(headers.get('age') ?? '0');
  const expires = headers.get('expires');
  if (expires === null) return undefined;
  const date = Date.parse(headers.get('date') ?? '');
  const seconds = (Date.parse(expires) - (Number.isNaN(date) ? now.getTime() : date)) / 1_000;
  return Number.isNaN(seconds) ? 0 : Math.floor(seconds) - readSeconds(headers.get('age') ?? '0');
}

/** Each directive with what it says; of several of one name the first counts. */
function readDirectives(header: string): Map<string, string> {
  const directives = new Map<string, string>();
  for (const part of header.split(',')) {
    const [name = '', value = ''] = part.split('=', 2).map((text) => text.trim());
    if (!directives.has(name.toLowerCase())) directives.set(name.toLowerCase(), value.replace(/^"(.*)"$/, '$1'));
  }
  return directives;
}

function readSeconds(text: string): number {
  return /^\d{1,12}$/.test(text.trim()) ? Number(text) : 0;
}
