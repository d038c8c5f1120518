/**
 * Makes the two packages as they are published: `dist/toolgrant`, the product, and `dist/resource-server`, the library
 * `@toolgrant/resource-server`. Each is a folder to be packed (`npm pack ./dist/toolgrant`); nothing in them is a link to the
 * checkout. Compiled files take the place of `src`, so that every path to what lies beside it stays what it was.
 */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { compile, copyDeclarations, pointDeclarationsToJavaScript } from './compile.ts';
import { libraryManifest, productManifest } from './manifests.ts';
import { readmeOf } from './readmes.ts';
import { makeShrinkwrap } from './shrinkwrap.ts';

const product = 'dist/toolgrant';
const library = 'dist/resource-server';
/** What the product reads beside its code, and its pages for people. */
const productFiles = ['views', 'prisma/migrations', 'docs', 'CHANGELOG.md', 'LICENSE'];
/** Pages about the making, which nobody looks for in a package. */
const unpublished = [
  'docs/images',
  'docs/examples',
  'docs/decisions',
  'docs/abuse-cases.md',
  'docs/engine-notes.md',
  'docs/mcp-requirements.md',
];

for (const folder of [product, library]) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}

compile('library');
pointDeclarationsToJavaScript(join(library, 'lib'));
cpSync('LICENSE', join(library, 'LICENSE'));
writePackage(library, { manifest: libraryManifest, readme: readmeOf('resource-server') });

compile('product');
copyDeclarations(join(library, 'lib'), join(product, 'lib/resource-server'));
for (const path of productFiles) {
  cpSync(path, join(product, path), { recursive: true, filter: (source) => !unpublished.includes(relative('.', source)) });
}
writePackage(product, { manifest: productManifest, readme: readmeOf('toolgrant') });
writeJson(join(product, 'npm-shrinkwrap.json'), makeShrinkwrap(productManifest));
process.stdout.write(`${product}\n${library}\n`);

function writePackage(folder: string, { manifest, readme }: { manifest: object; readme: string }): void {
  writeJson(join(folder, 'package.json'), manifest);
  writeFileSync(join(folder, 'README.md'), readme);
}

function writeJson(path: string, value: object): void {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}
