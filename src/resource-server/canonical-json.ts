/**
 * Canonical JSON (RFC 8785): equal values are the same text, whatever the order of their members. Numbers and strings
 * are spelled as ECMAScript spells them, which is what the RFC asks for.
 *
 * Undefined for a value that is nested deeper than `maxDepth`, so that no stack overflows.
 */
export function canonicalJson(value: unknown, maxDepth = 64): string | undefined {
  if (maxDepth < 0) return undefined;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const parts: string[] = [];
  if (Array.isArray(value)) {
    for (const item of value as unknown[]) {
      const text = canonicalJson(item, maxDepth - 1);
      if (text === undefined) return undefined;
      parts.push(text);
    }
    return `[${parts.join(',')}]`;
  }
  // The default order of `sort` is by UTF-16 code units, which is the RFC's.
  for (const name of Object.keys(value).sort()) {
    const text = canonicalJson((value as Record<string, unknown>)[name], maxDepth - 1);
    if (text === undefined) return undefined;
    parts.push(`${JSON.stringify(name)}:${text}`);
  }
  return `{${parts.join(',')}}`;
}
