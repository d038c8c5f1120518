import type { CatalogueTool } from './consent.ts';
import { earlierEnd } from './decision.ts';
import { type DecidedTerms, type EffectiveAt, effectiveTools, type LeftOut, termNow, termOfTool } from './effective-tools.ts';

/** A part of a consent that counts: a tool, or one of what servers have beside tools. */
export interface CountingPart {
  name: string;
  /** When it ends by itself; absent: never. */
  endsAt?: Date;
}

/** What of a consent counts, and what does not, by keys in which no tool is taken for what servers have beside tools. */
export interface CountingParts {
  counting: ReadonlyMap<string, CountingPart>;
  leftOut: ReadonlyMap<string, LeftOut>;
}

/** Works it out for one instant. */
export function countingParts(consent: DecidedTerms, catalogue: readonly CatalogueTool[], at: EffectiveAt): CountingParts {
  const { allowed, leftOut, resources, prompts, extrasLeftOut } = effectiveTools(consent, catalogue, at);
  const present = new Map(catalogue.map((tool) => [tool.name, tool]));
  const counting = new Map<string, CountingPart>();
  const count = (key: string, name: string, standing: ReturnType<typeof termNow>) => {
    const endsAt = earlierEnd(consent.expiresAt, 'reason' in standing ? undefined : standing.endsAt);
    counting.set(key, { name, ...(endsAt && { endsAt }) });
  };
  for (const tool of allowed) {
    const now = present.get(tool.name);
    if (now) count(`tool:${tool.name}`, tool.name, termOfTool(tool, { present: now, consent, at }));
  }
  for (const [extra, isCounting] of Object.entries({ resources, prompts }) as ['resources' | 'prompts', boolean][]) {
    if (isCounting) count(extra, extra, termNow(extra, { own: consent.own?.[extra], consent, at }));
  }
  const left = [...leftOut.map((one) => [`tool:${one.name}`, one] as const), ...extrasLeftOut.map((one) => [one.name, one] as const)];
  return { counting, leftOut: new Map(left) };
}

/** What becomes of a consent from one instant's rules and catalogue to others. */
export interface ConsentDifference {
  /** What counts no more, each with the reason. */
  lost: readonly LeftOut[];
  /** What ends earlier than it would have. */
  sooner: readonly Required<CountingPart>[];
  /** What counts again: it was allowed before, and waited. Names of tools, `resources`, `prompts`. */
  gained: readonly string[];
}

/** Compares two of the same consent. */
export function compareParts(before: CountingParts, now: CountingParts): ConsentDifference {
  const sooner = [...now.counting].flatMap(([key, { name, endsAt }]) => {
    const was = before.counting.get(key);
    return was && endsAt && (!was.endsAt || endsAt < was.endsAt) ? [{ name, endsAt }] : [];
  });
  return {
    lost: [...now.leftOut].filter(([key]) => before.counting.has(key)).map(([, one]) => one),
    sooner,
    gained: [...now.counting].filter(([key]) => !before.counting.has(key)).map(([, { name }]) => name),
  };
}
