/** Writes the documents that are generated from code: `npm run docs`. */
import { writeFileSync } from 'node:fs';
import { generatedDocuments } from './docs/documents.ts';

for (const { path, render } of generatedDocuments) {
  writeFileSync(path, render());
  process.stdout.write(`${path}\n`);
}
