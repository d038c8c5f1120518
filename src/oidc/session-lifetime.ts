import type { Runtime } from '../services/runtime.ts';

/**
 * How long a session may go unused from now on: the idle time, but never beyond a fixed time after sign-in, however busy it is.
 * Whole seconds, at least 1.
 */
export function remainingSessionSeconds({ clock, lifetimes }: Runtime, signedInAtSeconds: number | undefined): number {
  const nowSeconds = Math.floor(clock.now().getTime() / 1_000);
  const endsAtSeconds = (signedInAtSeconds ?? nowSeconds) + lifetimes.sessionSeconds;
  return Math.max(1, Math.min(lifetimes.sessionIdleSeconds, endsAtSeconds - nowSeconds));
}
