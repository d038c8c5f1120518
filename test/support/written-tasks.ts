/**
 * `docs/five-tasks.md` as a script: each numbered line of it is one press, done by exactly the name that stands there in bold, and each
 * picture is one of the page as it then is. A test does what the document says; `npm run pictures` takes what it shows.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';

/** One line of a task: a press, or a picture. */
export type TaskLine = ({ kind: 'press' } & Press) | { kind: 'picture'; picture: string };

interface Press {
  verb: 'Press' | 'Tick' | 'Untick';
  name: string;
  /** The heading of the entry in which it stands, where a page has several. */
  entry?: string;
}

/** One task. */
export interface WrittenTask {
  title: string;
  lines: readonly TaskLine[];
}

/** Reads the document. */
export async function readTasks(): Promise<WrittenTask[]> {
  const text = await readFile(join(import.meta.dirname, '../../docs/five-tasks.md'), 'utf8');
  const [, ...sections] = text.split(/^## (?=\d+\. )/m);
  return sections.map((section) => {
    const [title = '', ...lines] = section.split('\n');
    return { title: title.replace(/^\d+\. /, ''), lines: lines.flatMap((line) => lineOf(line) ?? []) };
  });
}

function lineOf(line: string): TaskLine | undefined {
  const [, picture] = /^ *!\[[^\]]*\]\(images\/([\w-]+)\.png\)$/.exec(line) ?? [];
  if (picture !== undefined) return { kind: 'picture', picture };
  if (!/^\d+\. /.test(line)) return undefined;
  const [, verb, name, entry] = /^\d+\. (Press|Tick|Untick) \*\*([^*]+)\*\*(?: in “([^”]+)”)?/.exec(line) ?? [];
  if (name === undefined) throw new Error(`this line names no press: ${line}`);
  return { kind: 'press', verb: verb as Press['verb'], name, ...(entry !== undefined && { entry }) };
}

/** Which lines of a task are presses. */
export function pressesOf({ lines }: WrittenTask): TaskLine[] {
  return lines.filter(({ kind }) => kind === 'press');
}

/** Does a task; `see` is called for each picture. */
export async function perform({ lines }: WrittenTask, page: Page, see: (picture: string) => Promise<void> = async () => {}): Promise<void> {
  for (const line of lines) {
    if (line.kind === 'picture') await see(line.picture);
    else await press(page, line);
  }
}

/** One press, and no more: what is folded away or out of sight for another reason cannot be pressed. */
async function press(page: Page, { verb, name, entry }: Press): Promise<void> {
  if (verb !== 'Press') return page.getByRole('checkbox', { name: startingWith(name) }).setChecked(verb === 'Tick');
  const place: Page | Locator =
    entry === undefined ? page : page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: entry }) });
  const target = place.getByRole('button', { name: pressed(name) }).or(place.getByRole('link', { name: pressed(name) }));
  await Promise.all([page.waitForEvent('load'), target.click()]);
}

function startingWith(name: string): RegExp {
  return new RegExp(`^${escaped(name)}(?: |$)`);
}

/** By the whole of its name, or by its name and what it is about, which only those are told who do not see it. */
function pressed(name: string): RegExp {
  return new RegExp(`^${escaped(name)}(?: “.*”)?$`);
}

function escaped(text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);
}
