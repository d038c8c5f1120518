/** Positions in lists that are sorted by time, as they stand in addresses and forms: `<milliseconds>.<id>`. Pure. */

/** A position: at this entry, which is not on the page that begins or ends there. */
export interface ListPosition<Id extends string> {
  createdAt: Date;
  id: Id;
}

/** Writes a position. */
export function writePosition({ createdAt, id }: ListPosition<string>): string {
  return `${createdAt.getTime()}.${id}`;
}

/** Reads which page is asked for; what is no position leads to the first. */
export function readPositions<Id extends string>(
  asked: { after?: unknown; before?: unknown },
  parseId: (text: string) => Id | undefined,
): { after?: ListPosition<Id>; before?: ListPosition<Id> } {
  const [after, before] = [readPosition(asked.after, parseId), readPosition(asked.before, parseId)];
  if (after) return { after };
  return before ? { before } : {};
}

function readPosition<Id extends string>(text: unknown, parseId: (text: string) => Id | undefined): ListPosition<Id> | undefined {
  const [, milliseconds, name = ''] = (typeof text === 'string' && /^(\d{1,14})\.(.{1,80})$/.exec(text)) || [];
  const id = parseId(name);
  return id && { createdAt: new Date(Number(milliseconds)), id };
}
