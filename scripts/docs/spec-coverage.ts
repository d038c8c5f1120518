import { readFileSync } from 'node:fs';
import { type CitedTest, listCitedTests } from './cited-tests.ts';
import { applies, lastRequirement, later, notYet, type Revision, revisions } from './mcp-revisions.ts';

/** A requirement with the tests that prove it, for each revision that has it. */
export interface Coverage {
  requirement: string;
  text: string;
  /** Absent for a revision: it does not apply there. */
  tests: Partial<Record<Revision, readonly CitedTest[]>>;
}

/** MCP-1 to 34 with their tests. A test whose title begins with a revision counts for that one alone, every other for all. */
export function readCoverage(): Coverage[] {
  const tests = listCitedTests();
  const defined = [...readFileSync('docs/mcp-requirements.md', 'utf8').matchAll(/^- (MCP-(\d+)) (.*)$/gm)];
  return defined
    .filter(([, requirement = '', number]) => Number(number) <= lastRequirement && !notYet.has(requirement))
    .map(([, requirement = '', , text = '']) => {
      const citing = tests.filter(({ numbers }) => numbers.includes(requirement));
      const cells = revisions
        .filter((revision) => applies(requirement, revision))
        .map((revision) => [revision, citing.filter(({ name }) => (revisionOf(name) ?? revision) === revision)]);
      return { requirement, text, tests: Object.fromEntries(cells) };
    });
}

function revisionOf(name: string): Revision | undefined {
  return revisions.find((revision) => name.startsWith(revision));
}

const introduction = `# Coverage of the MCP specification

<!-- Generated from the titles of the tests by \`npm run docs\`. -->

What the four revisions of MCP demand of an authorization server (\`mcp-requirements.md\` has the numbers), and the tests that prove it. A number is how many tests cite the requirement; most run the protocol, which knows no revision, and count for every one, and those that begin with a revision do what its clients do. A dash: the revision does not have it. Signing in elsewhere (MCP-18) is not there yet. A test fails when a cell that applies is empty.
`;

/** docs/spec-coverage.md: the matrix, then the tests of each requirement. */
export function renderSpecCoverage(): string {
  const coverage = readCoverage();
  const head = `| requirement | ${revisions.join(' | ')} |\n|---|${revisions.map(() => '---|').join('')}`;
  const rows = coverage.map(({ requirement, text, tests }) => {
    const cells = revisions.map((revision) => tests[revision]?.length ?? '—');
    return `| [${requirement}](#${requirement.toLowerCase()}) ${brief(text)} | ${cells.join(' | ')} |`;
  });
  const notes = Object.entries(later).map(([requirement, { since, because }]) => `- ${requirement}, since ${since}: ${because}.`);
  return [introduction, head, ...rows, '', ...notes, '', ...coverage.map(renderTests)].join('\n');
}

/** As much of a requirement as fits a row, cut between words and outside of code. */
function brief(text: string): string {
  if (text.length <= 90) return text.replace(/[.;]$/, '');
  const words = text.slice(0, 90).replace(/\s\S*$/, '');
  const isInsideCode = (words.match(/`/g) ?? []).length % 2 === 1;
  return `${(isInsideCode ? words.slice(0, words.lastIndexOf('`')) : words).replace(/[\s.:;,(]+$/, '')} …`;
}

function renderTests({ requirement, tests }: Coverage): string {
  const all = new Set(Object.values(tests).flat());
  const byFile = Map.groupBy([...all], ({ file }) => file);
  const files = [...byFile].sort(([a], [b]) => (a < b ? -1 : 1));
  const lines = files.map(([file, cited]) => `- \`${file}\`: ${[...new Set(cited.map(({ name }) => plain(name)))].join(' · ')}`);
  return [`## ${requirement}`, '', ...lines, ''].join('\n');
}

/** A title as text in Markdown; placeholders of tables are left as they are written. */
function plain(name: string): string {
  return name.replaceAll(/([*_<>[\]|])/g, String.raw`\$1`);
}
