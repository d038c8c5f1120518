import Provider from 'oidc-provider';
import type { Origin, Runtime, Tenant } from '../services/runtime.ts';
import type { RefreshSuccessors } from './refresh-successor.ts';
import { type RequestState, stateOf } from './request-state.ts';

/** What the engine's storage works with. */
export interface AdapterEnvironment {
  runtime: Runtime;
  tenant: Tenant;
  successors: RefreshSuccessors;
  /** Who makes the request that is being answered, for the audit trail. */
  originOf(ctx: object): Origin;
  /** Groups addresses that belong to whoever makes it. */
  callerOf(ctx: object): string;
}

/** The request that is being answered; undefined where an interaction or session is handled outside the engine's own routes. */
export function currentState(): RequestState | undefined {
  const ctx = Provider.ctx;
  return ctx && stateOf(ctx);
}
