/**
 * Rows of whole tables as JSON (`to_json(alias)`), for statements that read several tables at once: through Prisma each would be a
 * statement of its own. They have all columns of their table, those to come too.
 */

/** The same row as Prisma reads it: its fields by their names, instants as such. `json` is what PostgreSQL made of the row. */
export function fromJsonRow<Row extends object>(json: unknown): Row {
  const fields = Object.entries(json as Record<string, unknown>).map(([column, value]) => {
    const { name, isInstant } = fieldOf(column);
    return [name, isInstant && typeof value === 'string' ? new Date(value) : value] as const;
  });
  return Object.fromEntries(fields) as Row;
}

interface Field {
  name: string;
  isInstant: boolean;
}

const fields = new Map<string, Field>();

/** Columns are the fields' names in small letters with underscores; those of instants end in a word for when. */
function fieldOf(column: string): Field {
  const known = fields.get(column);
  if (known) return known;
  const name = column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const field = { name, isInstant: /_(?:at|until|after)$/.test(column) };
  fields.set(column, field);
  return field;
}
