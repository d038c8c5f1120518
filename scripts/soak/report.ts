import type { LoadedIssuer } from '../../test/support/loaded-issuer.ts';

/** What a part of the soak found. */
export interface PartReport {
  title: string;
  lines: string[];
  /** Why it failed; none: it passed. */
  problems: string[];
}

const shown = 20;

/** What the books say. With `excuses`, faults were made on purpose, and answers of 503 and missing answers are theirs. */
export function reportBooks(title: string, issuer: LoadedIssuer, { excuses }: { excuses: boolean }): PartReport {
  const { books } = issuer;
  const outcomes = [...books.outcomes].sort(([one], [other]) => one.localeCompare(other));
  const unexplained = excuses ? [] : outcomes.filter(([outcome]) => / (503|no answer|not now|failed)$/.test(outcome));
  const tallies = [...books.tallies].map(
    ([event, { acknowledged, undecided }]) => `${event}: ${acknowledged} acknowledged, ${undecided} undecided`,
  );
  const { live, revoked } = issuer.counts();
  const faults = excuses ? [] : [...issuer.faults()].map(([line, count]) => `${count} × ${line.slice(0, 300)}`);
  return {
    title,
    lines: [
      `requests: ${outcomes.map(([outcome, count]) => `${outcome} ${count}`).join(', ')}`,
      `checked: ${live} live families, ${revoked} revoked ones; ${tallies.join('; ')}`,
    ],
    problems: [
      ...books.violations.slice(0, shown),
      ...(books.violations.length > shown ? [`… and ${books.violations.length - shown} more`] : []),
      ...unexplained.map(([outcome, count]) => `${outcome}: ${count} times, without a fault that explains it`),
      ...faults,
    ],
  };
}

/** One part, for people. */
export function renderPart({ title, lines, problems }: PartReport): string {
  return [`${title}: ${problems.length === 0 ? 'passed' : 'FAILED'}`, ...lines, ...problems.map((problem) => `! ${problem}`)].join('\n  ');
}
