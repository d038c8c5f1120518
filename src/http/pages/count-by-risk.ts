import { type RiskProfile, risks } from '../../domain/risk.ts';
import type { ConnectionContext } from '../views/connection-contexts.ts';
import { riskWords } from '../views/risk-words.ts';

/** How many tools of each risk there are, and how many reach outside. */
export function countByRisk(tools: readonly RiskProfile[]): Pick<ConnectionContext, 'counts' | 'openWorldCount'> {
  return {
    counts: risks.flatMap((risk) => {
      const count = tools.filter((tool) => tool.risk === risk).length;
      return count === 0 ? [] : [{ risk, title: riskWords[risk].title, count }];
    }),
    openWorldCount: tools.filter(({ openWorld }) => openWorld).length,
  };
}
