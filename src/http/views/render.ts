import { resolve } from 'node:path';
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
  const eta: Eta = new Eta({
    views: folder,
    cache: true,
    autoEscape: true,
    autoTrim: [false, 'nl'],
    plugins: [{ processTemplate: (template) => withIcons(template, (name) => eta.render('./parts/icon', { name })) }],
  });
  return (name, context) => eta.render(`./${name}`, context);
}

/** An icon that a template names, with the line break that would be cut off behind it. */
const namedIcon = /<%~ include\('\.(?:\/parts)?\/icon', \{ name: '([a-z]+)' \}\) %>(?:\r\n|\n|\r)?/g;

/** Puts icons where a template names them: it is done once, and a page with a hundred tools has hundreds. */
function withIcons(template: string, render: (name: string) => string): string {
  return template.replace(namedIcon, (_, name: string) => render(name));
}
