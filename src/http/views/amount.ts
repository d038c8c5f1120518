/** What a selection amounts to: how much it is, the worst that could come of it, and whose word that is. Pure. */
import { canLeak } from '../../domain/leak.ts';
import { type Risk, type RiskProfile, risks } from '../../domain/risk.ts';
import type { AmountContext } from './part-contexts.ts';
import type { RiskSource } from './risk-words.ts';

/** A tool on the page, as far as this needs it. */
export interface CountedTool extends RiskProfile {
  /** Ready to be read. */
  title: string;
  ticked: boolean;
  /** Whose word its risk is. */
  by: RiskSource['by'];
}

/** What is ticked beside tools. */
export interface CountedExtras {
  resources: boolean;
  prompts: boolean;
}

/** So many tools that the worst would come of are named. */
const namedTools = 2;

/** Sums up. */
export function amountOf(tools: readonly CountedTool[], extras: CountedExtras): AmountContext {
  const ticked = tools.filter((tool) => tool.ticked);
  const worst = worstOf(ticked, extras);
  const names = worst === undefined || worst === 'read' ? [] : ticked.filter(({ risk }) => risk === worst).map(({ title }) => title);
  const source = wholeSourceWords(tools.map(({ by }) => by));
  return {
    count: `${ticked.length} of ${tools.length} ${tools.length === 1 ? 'tool' : 'tools'}`,
    ...(worst && { worst }),
    named: names.slice(0, namedTools),
    moreNamed: Math.max(0, names.length - namedTools),
    reachesOut: ticked.some(({ openWorld }) => openWorld),
    canLeak: canLeak(ticked, extras),
    ...(source !== undefined && { source }),
  };
}

function worstOf(ticked: readonly CountedTool[], { resources, prompts }: CountedExtras): Risk | undefined {
  const worst = risks.findLast((risk) => ticked.some((tool) => tool.risk === risk));
  return worst ?? (resources || prompts ? 'read' : undefined);
}

/** Whose word the risks of all tools on a page are, whatever is ticked; of no tools, undefined. */
function wholeSourceWords(sources: readonly RiskSource['by'][]): string | undefined {
  const has = (...any: RiskSource['by'][]) => any.some((by) => sources.includes(by));
  if (!has('server', 'server-in-part', 'administrator')) {
    return has('nobody') ? 'The server does not say what its tools do: we assume the worst.' : undefined;
  }
  const said = has('server', 'server-in-part')
    ? `The server’s own word, checked by nobody${has('administrator') ? ' but for what whoever runs this site has rated' : ''}.`
    : 'The word of whoever runs this site.';
  return has('nobody', 'server-in-part') ? `${said} Where it says nothing, we assume the worst.` : said;
}
