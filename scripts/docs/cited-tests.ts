import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A test that says what it proves. */
export interface CitedTest {
  /** Relative to the repository. */
  file: string;
  /** The title, its numbers left out. */
  name: string;
  /** `MCP-12`, `ABUSE-41`, `ENG-1`. */
  numbers: readonly string[];
}

const numbered = /(['"`])((?:(?:ABUSE|ENG|MCP)-\d+, )*(?:ABUSE|ENG|MCP)-\d+): ?((?:(?!\1)[^\\\n]|\\.)*)\1/g;

/** All tests whose titles begin with numbers, by file and place. What is cited elsewhere (in comments, in messages) does not count. */
export function listCitedTests(root = '.'): CitedTest[] {
  const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.test.ts'));
  return files.sort().flatMap((path) => {
    const text = readFileSync(join(root, 'test', path), 'utf8');
    return [...text.matchAll(numbered)].map(([, , numbers = '', name = '']) => ({
      file: `test/${path}`,
      name: name.replaceAll(/\\(.)/g, '$1'),
      numbers: numbers.split(', '),
    }));
  });
}
