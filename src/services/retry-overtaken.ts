import { isWriteConflict } from '../store/write-conflict.ts';

/** Something stands otherwise than when it was planned: planned once more, it may hold. */
export class PlanOvertaken extends Error {}

/** How often it is tried in all. */
export const maxAttempts = 3;

/**
 * Runs `attempt`, a transaction that plans and does, and runs it anew where another change of the same rows came first. Undefined when
 * that happened each time; any other error is thrown at once.
 */
export async function retryOvertaken<Done extends object>(attempt: () => Promise<Done>): Promise<Done | undefined> {
  for (let made = 0; made < maxAttempts; made += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof PlanOvertaken) && !isWriteConflict(error)) throw error;
    }
  }
  return undefined;
}
