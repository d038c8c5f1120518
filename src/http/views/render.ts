import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Eta } from 'eta';
import type { ViewContexts, ViewName } from './contexts.ts';

/** Renders a view to a whole HTML document. */
export type Render = <Name extends ViewName>(name: Name, context: ViewContexts[Name]) => string;

/** Where the templates and assets lie. */
export const viewsFolder = resolve(import.meta.dirname, '../../../views');

/**
 * Makes the renderer. Every interpolation is escaped (`&<>"'`); the only raw output in a template is another template.
 * Templates are compiled once and kept.
 */
export function createRenderer(folder: string = viewsFolder): Render {
  const config = { views: folder, cache: true, autoEscape: true, autoTrim: [false, 'nl'] as [false, 'nl'] };
  const eta = new Eta({
    ...config,
    functionHeader: `const icons = ${JSON.stringify(makeIcons(folder, new Eta(config)))};`,
    plugins: [{ processTemplate: (template) => template.replace(includedIcon, '<%~ icons[$1] %>') }],
  });
  return (name, context) => eta.render(`./${name}`, context);
}

const includedIcon = /<%~ include\('\.(?:\/parts)?\/icon', \{ name: ([\w.']+) \}\) %>/g;

/** Icons are made once: a page has thousands, and a template that includes another takes longer than both. */
function makeIcons(folder: string, eta: Eta): Record<string, string> {
  const template = readFileSync(join(folder, 'parts/icon.eta'), 'utf8');
  const names = [...template.matchAll(/it\.name === '([a-z]+)'/g)].map(([, name]) => name as string);
  return Object.fromEntries(names.map((name) => [name, eta.render('./parts/icon', { name })]));
}
