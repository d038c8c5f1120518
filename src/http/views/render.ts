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
  const eta = new Eta({ views: folder, cache: true, autoEscape: true, autoTrim: [false, 'nl'] });
  return (name, context) => eta.render(`./${name}`, context);
}
