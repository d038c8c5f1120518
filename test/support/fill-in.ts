import type { PageForm } from './person.ts';

/** What a browser sends of a form in which some fields were typed; what the form does not have is sent beside it. */
export function fillIn(form: PageForm | undefined, typed: Record<string, string>): [string, string][] {
  const fields = form?.fields ?? [];
  const known = new Set(fields.map(([name]) => name));
  const beside = Object.entries(typed).filter(([name]) => !known.has(name));
  return [...fields.map(([name, value]): [string, string] => [name, typed[name] ?? value]), ...beside];
}
