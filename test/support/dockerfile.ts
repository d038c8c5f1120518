/** The Dockerfile as steps, and the files that a build of it is given. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DockerfileParser, type Instruction } from 'dockerfile-ast';

/** One instruction. */
export interface Step {
  keyword: string;
  /** `--from=build` as `{ from: 'build' }`. */
  flags: Readonly<Record<string, string>>;
  /** Of the exec form its words, else what stands there, word by word. */
  words: readonly string[];
  isExecForm: boolean;
  /** All that stands behind the keyword and its flags. */
  text: string;
}

/** What begins with FROM. */
export interface Stage {
  name?: string;
  image: string;
  steps: readonly Step[];
}

/** Reads a Dockerfile; arguments before the first FROM are put in where FROM names them. */
export function readDockerfile(text: string): Stage[] {
  const stages: { name?: string; image: string; steps: Step[] }[] = [];
  const given = new Map<string, string>();
  for (const instruction of DockerfileParser.parse(text).getInstructions()) {
    const step = readStep(instruction);
    const [first = '', as = '', name] = step.words;
    const [, argument = '', value = ''] = /^(\w+)=(.*)$/.exec(first) ?? [];
    if (step.keyword === 'FROM') {
      const image = first.replace(/^\$\{(\w+)\}$/, (_, argumentName: string) => given.get(argumentName) ?? '');
      stages.push({ image, steps: [], ...(as.toUpperCase() === 'AS' && name !== undefined && { name }) });
    } else if (stages.length === 0) given.set(argument, value);
    else stages.at(-1)?.steps.push(step);
  }
  return stages;
}

type WithFlags = Instruction & { getFlags?: () => { getName(): string; getValue(): string | null }[] };

function readStep(instruction: WithFlags): Step {
  const keyword = instruction.getKeyword();
  const text = (instruction.getArgumentsContent() ?? '').replaceAll(/\\\r?\n\s*/g, '').trim();
  const flags = Object.fromEntries((instruction.getFlags?.() ?? []).map((flag) => [flag.getName(), flag.getValue() ?? '']));
  const isExecForm = /^\[|^CMD \[/.test(text);
  const words = isExecForm ? (JSON.parse(text.replace(/^CMD /, '')) as string[]) : text.split(/\s+/);
  return { keyword, flags, words, isExecForm, text };
}

/** The last step of its kind. */
export function lastStep(stage: Stage, keyword: string): Step {
  const step = stage.steps.findLast((one) => one.keyword === keyword);
  if (!step) throw new Error(`there is no ${keyword}`);
  return step;
}

/** What ENV sets. */
export function environmentOf(stage: Stage): Record<string, string> {
  const pairs = stage.steps.filter(({ keyword }) => keyword === 'ENV').flatMap(({ words }) => words);
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}

/**
 * Whether a build gets a file, by a .dockerignore of names, folders, `*` for everything, and `!`. The last line that fits counts.
 * Throws for patterns that this does not know, so that nobody relies on them by mistake.
 */
export function isInContext(ignoreFile: string, path: string): boolean {
  const lines = ignoreFile.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.reduce((isIn, line) => {
    const pattern = line.replace(/^!/, '');
    if (pattern !== '*' && /[*?[\]]/.test(pattern)) throw new Error(`no such pattern is known here: ${line}`);
    const fits = pattern === '*' || path === pattern || path.startsWith(`${pattern}/`);
    return fits ? line.startsWith('!') : isIn;
  }, true);
}

const neverLooked = new Set(['node_modules', '.git']);

/** The files below a checkout that a build gets, whether they belong there or not. */
export function contextFiles(root: string, folder = ''): string[] {
  const ignoreFile = readFileSync(join(root, '.dockerignore'), 'utf8');
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (folder === '' && neverLooked.has(entry.name)) return isInContext(ignoreFile, path) ? [path] : [];
    if (entry.isDirectory()) return contextFiles(root, path);
    return isInContext(ignoreFile, path) ? [path] : [];
  });
}

/** Whether a COPY finds what it names in the context. */
export function hasSource(root: string, path: string): boolean {
  return existsSync(join(root, path)) && contextFiles(root).some((file) => file === path || file.startsWith(`${path}/`));
}
