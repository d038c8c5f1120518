/** Prisma's: another row has this key, the row that is named is gone, the row to change is gone, and a deadlock or serialization failure. */
const conflictCodes: ReadonlySet<unknown> = new Set(['P2002', 'P2003', 'P2025', 'P2034']);

/** Whether a transaction failed because another one changed the same rows first: begun anew, it meets what stands now. */
export function isWriteConflict(error: unknown): boolean {
  return error instanceof Error && conflictCodes.has((error as { code?: unknown }).code);
}
