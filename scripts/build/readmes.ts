import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The README of a package: its text of this folder's `readme`, with the example of docs/examples as its readers write it. */
export function readmeOf(name: 'toolgrant' | 'resource-server'): string {
  const text = readFileSync(join(import.meta.dirname, 'readme', `${name}.md`), 'utf8');
  const door = name === 'toolgrant' ? 'toolgrant/resource-server' : '@toolgrant/resource-server';
  const example = readFileSync('docs/examples/express-server.ts', 'utf8').replaceAll("'toolgrant/resource-server", `'${door}`);
  return text.replace('<!-- example -->', `\`\`\`js\n${example}\`\`\``);
}
