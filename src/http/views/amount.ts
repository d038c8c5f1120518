/** What a selection amounts to, in one line. Pure. */
import { canLeak } from '../../domain/leak.ts';
import { type Risk, type RiskProfile, risks } from '../../domain/risk.ts';
import type { AmountContext } from './part-contexts.ts';

/** A tool on the page, as far as this line needs it. */
export interface CountedTool extends RiskProfile {
  /** Ready to be read. */
  title: string;
  ticked: boolean;
}

/** So many tools that could destroy something are named. */
const namedTools = 2;

/** Sums up. */
export function amountOf(tools: readonly CountedTool[], { resources }: { resources: boolean }): AmountContext {
  const ticked = tools.filter((tool) => tool.ticked);
  const worst = risks.findLast((risk) => ticked.some((tool) => tool.risk === risk));
  const destroying = ticked.filter(({ risk }) => risk === 'destructive').map(({ title }) => title);
  return {
    count: `${ticked.length} of ${tools.length} ${tools.length === 1 ? 'tool' : 'tools'}`,
    ...(worst && { could: couldWords[worst] }),
    destroying: destroying.slice(0, namedTools),
    moreDestroying: Math.max(0, destroying.length - namedTools),
    canLeak: canLeak(ticked, { resources }),
  };
}

const couldWords: Readonly<Record<Risk, string>> = {
  read: 'can look things up',
  write: 'can change things',
  destructive: 'can delete or overwrite things',
};
