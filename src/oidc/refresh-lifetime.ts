import type { Runtime } from '../services/runtime.ts';

/** How long a refresh token lives: the idle time, but never beyond the end of its family. Whole seconds, at least 1. */
export function refreshTokenSeconds({ clock, lifetimes }: Runtime, familyBeganAtSeconds: number | undefined): number {
  const nowSeconds = Math.floor(clock.now().getTime() / 1_000);
  const familyEndsAtSeconds = (familyBeganAtSeconds ?? nowSeconds) + lifetimes.refreshTokenSeconds;
  return Math.max(1, Math.min(lifetimes.refreshTokenIdleSeconds, familyEndsAtSeconds - nowSeconds));
}

/** How long an engine grant lives: a family's whole life, after the longest way to its first token (ENG-9). */
export function grantSeconds({ lifetimes }: Runtime): number {
  return lifetimes.interactionSeconds + lifetimes.authorizationCodeSeconds + lifetimes.refreshTokenSeconds;
}
