import { readFile, rename, writeFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Office } from '../../compose/open-office.ts';
import { getAuditFilter, hasAuditFilter, takesAuditFilter } from '../audit-filter.ts';
import { BadUsage } from '../failure.ts';
import type { Io } from '../io.ts';
import { type Call, streaming, tenantLeaf, type Write } from '../leaf.ts';
import { plainText } from '../plain-text.ts';

/** Writes the trail out, as lines of JSON, with the seals that prove it. */
export function addAuditExport(audit: Command, io: Io): void {
  takesAuditFilter(
    tenantLeaf(
      audit,
      'export',
      'the whole trail as lines of JSON, oldest first, with its seals and keys: "audit verify --file" proves it anywhere. Of a choice, events alone',
    ),
  )
    .addOption(new Option('--after <seal>', 'only what comes after that seal').argParser(readSealNumber))
    .option('--resume <file>', 'go on where the last export with that file ended, and note there where this one does')
    .action(streaming(io, (office, call, write) => exportTrail({ io, write }, office, call)));
}

function readSealNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Write the number of a seal; 0 is before the first.');
  return Number(text);
}

async function exportTrail({ io, write }: { io: Io; write: Write }, office: Office, call: Call): Promise<void> {
  const { exportAudit } = await import('../../services/export-audit.ts');
  const { runtime, tenant } = office;
  const resume = call.options['resume'] as string | undefined;
  const given = call.options['after'] as number | undefined;
  if (resume !== undefined && given !== undefined) throw new BadUsage('Give --after or --resume, not both.');
  const after = given ?? (resume === undefined ? 0 : await readResume(resume));
  const filter = hasAuditFilter(call) ? await getAuditFilter(office, call) : undefined;
  let seal = after;
  for await (const { lines, seal: until } of exportAudit(runtime, tenant, { after, filter })) {
    if (lines.length > 0) await write(`${lines.join('\n')}\n`);
    seal = until;
  }
  if (resume === undefined) io.err(`Exported up to seal ${seal}: the next export goes on with --after ${seal}\n`);
  else await noteResume(resume, seal);
}

async function readResume(file: string): Promise<number> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return 0;
    throw new BadUsage(`--resume ${plainText(file)} cannot be read: ${plainText((error as Error).message)}`, { cause: error });
  }
  const [, seal] = /^(\d{1,9})\s*$/.exec(text) ?? [];
  if (seal === undefined)
    throw new BadUsage(`--resume ${plainText(file)} is no file of an export before: it should hold the number of a seal.`);
  return Number(seal);
}

/** Whole or not at all: half a number would be another one. */
async function noteResume(file: string, seal: number): Promise<void> {
  await writeFile(`${file}.new`, `${seal}\n`);
  await rename(`${file}.new`, file);
}
