import type { z } from 'zod';

/** Of a check that is made whatever else is wrong, so that all that is wrong is told at once: what it looks at may have parts missing. */
export const whateverElse = { when: ({ value }: { value: unknown }) => typeof value === 'object' && value !== null } as const;

/** A check that no two entries of a list are the same in one member; `keyOf` says what is compared, where it is not the member itself. */
export function distinct<Entry extends object>({
  member,
  message = 'stands further up already: say it once',
  keyOf = (entry) => (entry as Record<string, unknown>)[member],
}: {
  member: string;
  message?: string;
  keyOf?: (entry: Entry) => unknown;
}): (entries: readonly Entry[], context: z.RefinementCtx) => void {
  return (entries, context) => {
    if (!Array.isArray(entries)) return;
    const seen = new Set<unknown>();
    for (const [index, entry] of entries.entries()) {
      const key = typeof entry === 'object' && entry !== null ? keyOf(entry) : undefined;
      if (key !== undefined && seen.has(key)) context.addIssue({ code: 'custom', path: [index, member], message });
      seen.add(key);
    }
  };
}
