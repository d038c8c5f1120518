/**
 * Does the steps of a Dockerfile without a container engine: each stage gets a folder that takes the place of `/`, absolute paths are
 * moved into it, RUN runs in the stage's working directory. What a step needs beyond that (other programs, other accounts while it
 * builds) it does not get, so that a Dockerfile which passes here asks for little.
 */
import { execFile } from 'node:child_process';
import { chmod, cp, lchown, mkdir, readdir, readFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { promisify } from 'node:util';
import { contextFiles, environmentOf, readDockerfile, type Stage, type Step } from './dockerfile.ts';

const run = promisify(execFile);

/** The last stage, done. */
export interface DoneStage {
  stage: Stage;
  /** Takes the place of `/`. */
  folder: string;
  /** Where a path of the container is. */
  at(path: string): string;
  /** What ENV sets, its paths moved. */
  environment: Record<string, string>;
  workingDirectory: string;
}

/** Does all stages of a checkout's Dockerfile below `place`. `node` is put where the image has it. */
export async function doContainerSteps(options: { root: string; place: string; node: string }): Promise<DoneStage> {
  const { root, place, node } = options;
  const done = new Map<string, DoneStage>();
  let last: DoneStage | undefined;
  for (const [index, stage] of readDockerfile(await readFile(join(root, 'Dockerfile'), 'utf8')).entries()) {
    last = await doStage(stage, { root, folder: join(place, `stage-${index}`), node, done });
    if (stage.name !== undefined) done.set(stage.name, last);
  }
  if (!last) throw new Error('the Dockerfile has no stage');
  return last;
}

interface StageWork {
  root: string;
  folder: string;
  node: string;
  done: ReadonlyMap<string, DoneStage>;
}

async function doStage(stage: Stage, { root, folder, node, done }: StageWork): Promise<DoneStage> {
  const programs = join(folder, 'usr/local/bin');
  await mkdir(programs, { recursive: true });
  await cp(node, join(programs, 'node'), { dereference: true });
  await chmod(join(programs, 'node'), 0o755);
  let workingDirectory = '/';
  const at = (path: string) => join(folder, posix.resolve(workingDirectory, path));
  for (const step of stage.steps) {
    if (step.keyword === 'WORKDIR') {
      workingDirectory = posix.resolve(workingDirectory, step.words[0] ?? '');
      await mkdir(at('.'), { recursive: true });
    } else if (step.keyword === 'COPY')
      await copy(step, { root, at, from: step.flags['from'] === undefined ? undefined : done.get(step.flags['from']) });
    else if (step.keyword === 'RUN') {
      // The way to the registry is the machine's; what Jest set for itself is not for others.
      const { NODE_OPTIONS: _, ...machine } = process.env;
      const env = { ...machine, PATH: `${programs}:${process.env['PATH']}`, npm_config_prefer_offline: 'true' };
      await run('sh', ['-c', step.text], { cwd: at('.'), env, maxBuffer: 64 * 1024 * 1024 });
    }
  }
  const moved = Object.entries(environmentOf(stage)).map(([name, value]) => [name, value.startsWith('/') ? at(value) : value]);
  return { stage, folder, at, environment: Object.fromEntries(moved), workingDirectory };
}

async function copy(
  { words, flags }: Step,
  { root, at, from }: { root: string; at: (path: string) => string; from: DoneStage | undefined },
): Promise<void> {
  const target = words.at(-1) ?? '';
  const sources = words.slice(0, -1);
  for (const source of sources) {
    // Of a folder the contents are copied, of a file itself; into a folder where there are several.
    const to = target.endsWith('/') ? join(at(target), source) : at(target);
    await mkdir(dirname(to), { recursive: true });
    if (from) await cp(from.at(source), to, { recursive: true, verbatimSymlinks: true });
    else await copyFromContext(root, source, to);
    const [uid, gid] = (flags['chown'] ?? '').split(':').map(Number);
    if (uid !== undefined && gid !== undefined && process.getuid?.() === 0) await giveTo(to, uid, gid);
  }
}

async function copyFromContext(root: string, source: string, to: string): Promise<void> {
  for (const file of contextFiles(root)) {
    if (file !== source && !file.startsWith(`${source}/`)) continue;
    const target = join(to, file.slice(source.length));
    await mkdir(dirname(target), { recursive: true });
    await cp(join(root, file), target);
  }
}

async function giveTo(folder: string, uid: number, gid: number): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true }))
    await lchown(join(entry.parentPath, entry.name), uid, gid);
  await lchown(folder, uid, gid);
}
