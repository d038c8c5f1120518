import { isDatabaseTrouble } from '../platform/database-trouble.ts';
import { ping } from '../store/readiness.ts';
import type { Runtime } from './runtime.ts';

/** Whether requests can be served: the database answers. Asked anew every time. */
export async function checkReadiness(runtime: Runtime): Promise<boolean> {
  try {
    await ping(runtime.store);
    return true;
  } catch (error) {
    if (isDatabaseTrouble(error)) return false;
    throw error;
  }
}
