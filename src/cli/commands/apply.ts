import type { Command } from 'commander';
import type { Office } from '../../compose/open-office.ts';
import type { TenantFile } from '../../domain/tenant-file.ts';
import type { TenantFileOutcome, TenantFileProblem } from '../../services/apply-tenant-file.ts';
import type { Origin } from '../../services/runtime.ts';
import { changeLines, changeToJson, effectBlocks, nextSteps } from '../change-words.ts';
import { CommandFailed, FailureReported } from '../failure.ts';
import type { Io } from '../io.ts';
import { type Call, inOffice, tenantLeaf } from '../leaf.ts';
import { plainText } from '../plain-text.ts';
import type { Place, ReadYaml } from '../read-yaml.ts';
import type { Report } from '../report.ts';
import { catalogueProblemWords } from '../server-words.ts';

type FileOffice = Office & { origin: Origin };

/** A tenant in a file: servers, clients, groups, policies. */
export function addApplyCommands(program: Command, io: Io): void {
  tenantLeaf(program, 'apply', 'make a tenant what a file says (docs/policy.md): servers, clients, groups, policies; all of it or nothing')
    .argument('<file>', 'YAML, version 1; - for standard input')
    .option('--dry-run', 'say what would change and which consents would narrow, and change nothing')
    .option('--no-sync', 'do not read the tools of servers that are added')
    .action(inOffice(io, (office, call) => apply(io, office, call)));
  tenantLeaf(program, 'export', 'write a tenant down in the form that apply reads').action(inOffice(io, exportFile));
}

interface Written {
  name: string;
  yaml: ReadYaml;
  file: TenantFile;
}

async function apply(io: Io, { runtime, tenant, fetch, origin }: FileOffice, { args, options }: Call): Promise<Report> {
  const { applyTenantFile } = await import('../../services/apply-tenant-file.ts');
  const written = await readFile(io, args[0] ?? '');
  const isDryRun = options['dryRun'] === true;
  const isRead = options['sync'] !== false;
  const outcome = await applyTenantFile(runtime, tenant, { file: written.file, isDryRun, origin, ...(isRead && { fetch }) });
  if (!outcome.ok && 'isOvertaken' in outcome) throw overtaken();
  if (!outcome.ok)
    throw refused(
      written.name,
      outcome.problems.map((problem) => locate(written, problem)),
    );
  return reportOf(written, outcome, { isDryRun, areToolsRead: isRead });
}

function reportOf(
  written: Written,
  { changes, notes, effects }: TenantFileOutcome & { ok: true },
  { isDryRun, areToolsRead }: { isDryRun: boolean; areToolsRead: boolean },
): Report {
  const located = notes.map((note) => locate(written, note));
  const next = nextSteps(changes, { areToolsRead });
  const heading = isDryRun ? 'Would change:' : 'Changed:';
  const nothing = isDryRun ? 'Nothing would change.' : 'Nothing changed: it is as the file says.';
  const blocks = [
    changes.length > 0 ? [heading, ...changes.flatMap(changeLines)].join('\n') : nothing,
    ...effectBlocks(effects, !isDryRun),
    ...(located.length > 0 ? [['Worth a look:', ...located.map((note) => `  ${lineOf(written.name, note)}`)].join('\n')] : []),
    ...(next.length > 0 ? [[isDryRun ? 'Afterwards:' : 'Next:', ...next].join('\n')] : []),
    ...(isDryRun && changes.length > 0 ? ['Nothing was changed.'] : []),
  ];
  return {
    json: { isDryRun, changes: changes.map(changeToJson), ...effects, notes: located },
    text: blocks.join('\n\n'),
  };
}

function overtaken(): CommandFailed {
  const message = 'Somebody else was changing what this file speaks of, each time that it was tried. Nothing was changed: run it again.';
  return new CommandFailed('changed-meanwhile', message);
}

/** A problem with its place in the file. */
type Located = Place & { path: string; problem: string };

/** Reads the file, or tells all that is wrong with it at once. */
async function readFile(io: Io, name: string): Promise<Written> {
  const [{ maxYamlBytes, readYaml }, { tenantFileForm, tenantFileNames }, { listProblems }] = await Promise.all([
    import('../read-yaml.ts'),
    import('../../domain/tenant-file.ts'),
    import('../../domain/written-problems.ts'),
  ]);
  const yaml = readYaml(await readBytes(io, name, maxYamlBytes));
  if (!yaml.ok)
    throw refused(
      name,
      yaml.problems.map((problem) => ({ ...problem, path: '' })),
    );
  const read = tenantFileForm.safeParse(yaml.value);
  if (read.success) return { name, yaml, file: read.data };
  throw refused(
    name,
    listProblems(read.error, tenantFileNames).map((problem) => locate({ yaml }, problem)),
  );
}

/** As much as is looked at, and one byte more: a file that never ends is no file. */
async function readBytes(io: Io, name: string, maxBytes: number): Promise<Buffer> {
  const { createReadStream } = await import('node:fs');
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of name === '-' ? io.stdin : createReadStream(name)) {
      chunks.push(Buffer.from(chunk));
      length += chunk.length;
      if (length > maxBytes) break;
    }
  } catch (error) {
    throw unreadable(name, error as NodeJS.ErrnoException);
  }
  return Buffer.concat(chunks);
}

function unreadable(name: string, cause: NodeJS.ErrnoException): CommandFailed {
  const next = 'Name a file such as "toolgrant export" writes.';
  return new CommandFailed('file', `${plainText(name)} cannot be read (${plainText(cause.code ?? cause.message)}). ${next}`, { cause });
}

function locate({ yaml }: Pick<Written, 'yaml'>, problem: TenantFileProblem): Located {
  const { path } = problem;
  const place = yaml.placeOf(path, 'isUnknownName' in problem && problem.isUnknownName === true);
  const words =
    'catalogue' in problem
      ? `cannot be added: ${catalogueProblemWords(problem.catalogue)} Or add it without: --no-sync`
      : problem.problem.replace(/([^?.])$/, '$1.');
  return { ...place, path: spellPath(path), problem: words };
}

/** `policies[2].tools[1].risk`, as people count: from 1. */
function spellPath(path: readonly (string | number)[]): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part + 1}]` : `${index === 0 ? '' : '.'}${shortened(part)}`)).join('');
}

function shortened(name: string): string {
  return name.length > 60 ? `${name.slice(0, 60)}…` : name;
}

function lineOf(name: string, { line, column, path, problem }: Located): string {
  return plainText(`${name}:${line}:${column}  ${path === '' ? '' : `${path} `}${problem}`);
}

/** The most problems that a terminal is told of; `--json` tells all. */
const maxShown = 100;

function refused(name: string, problems: readonly Located[]): FailureReported {
  const sorted = [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
  const count = sorted.length === 1 ? 'One problem' : `${sorted.length} problems`;
  return new FailureReported({
    json: { error: { code: 'tenant-file', message: `${count} in ${name}` }, problems: sorted },
    text: [
      `${count}; nothing was changed:`,
      ...sorted.slice(0, maxShown).map((problem) => `  ${lineOf(name, problem)}`),
      ...(sorted.length > maxShown ? [`  and ${sorted.length - maxShown} more (--json lists all)`] : []),
    ].join('\n'),
  });
}

const heading = [
  'What Toolgrant is told of this tenant. "toolgrant apply <file>" makes it so; docs/policy.md explains it.',
  'Not in here: secrets, people, their consents, API keys, machine clients, and clients that introduced themselves.',
];

async function exportFile({ runtime, tenant }: FileOffice): Promise<Report> {
  const [{ exportTenant }, { writeYaml }] = await Promise.all([import('../../services/export-tenant.ts'), import('../write-yaml.ts')]);
  const file = await exportTenant(runtime, tenant);
  return { json: file, text: writeYaml(file, heading) };
}
