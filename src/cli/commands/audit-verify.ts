import { once } from 'node:events';
import { createReadStream, type ReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { readSeal } from '../../domain/audit-seal.ts';
import type { PublicJwk } from '../../services/audit-keys.ts';
import type { TrailReport } from '../../services/check-trail.ts';
import { describeTrail } from '../audit-findings.ts';
import { BadUsage, CommandFailed, FailureReported } from '../failure.ts';
import type { Io } from '../io.ts';
import { type Call, inOffice, leaf, reporting } from '../leaf.ts';
import { plainText } from '../plain-text.ts';
import { receiptProblemWords, receiptWords } from '../receipt-words.ts';
import type { Report } from '../report.ts';

/** Shows that nothing was changed, or what was. */
export function addAuditVerify(audit: Command, io: Io): void {
  const stored = inOffice(io, async ({ runtime, tenant }, { options }) => {
    if (options['keys'] !== undefined) throw new BadUsage('--keys goes with --file.');
    const { verifyAuditTrail } = await import('../../services/verify-audit-trail.ts');
    const checkpoints = await readCheckpoints(options);
    const reports = await verifyAuditTrail(runtime, { checkpoints, ...(options['tenant'] !== undefined && { tenantId: tenant.id }) });
    return judge(reports, { json: reports, text: reports.map(describeTrail).join('\n') || 'Nothing was recorded yet.' });
  });
  const exported = reporting(io, (call) => verifyFile(io, call));
  const receiptHere = inOffice(io, async ({ runtime, tenant }, call) => {
    const { listTrustedAuditKeys } = await import('../../services/audit-keys.ts');
    const keys = await listTrustedAuditKeys(runtime, tenant.id);
    return verifyReceiptFile(
      call,
      keys.map(({ publicJwk }) => publicJwk),
    );
  });
  const receiptAnywhere = reporting(io, async (call) => verifyReceiptFile(call, await readKeys(String(call.options['keys']))));
  const choose = ({ file, receipt, keys }: Record<string, unknown>) => {
    if (receipt !== undefined) return keys === undefined ? receiptHere : receiptAnywhere;
    return file === undefined ? stored : exported;
  };
  leaf(
    audit,
    'verify',
    'find what was changed, removed, added or moved since it was sealed, and name the place; exit code 1 where there is any',
  )
    .option('--tenant <slug>', 'the trail of one tenant; without it all of them')
    .option('--file <file>', 'an export instead, without a database; - for standard input')
    .option(
      '--keys <file>',
      'the public keys that count for an export or receipt, as the issuer shows them at /audit/keys; without it, those in the export, or of the database',
    )
    .option('--checkpoint <file>', 'a seal that was kept elsewhere (an export, or what this command said before), which must be there')
    .option('--receipt <file>', 'a consent receipt instead, as people download it')
    .action((...all: unknown[]) => choose((all.at(-1) as Command).opts())(...all));
}

/** Prints what there is to say either way; the exit code says which it is. */
function judge(reports: readonly TrailReport[], report: Report): Report {
  if (reports.some(({ findings }) => findings.length > 0)) throw new FailureReported(report);
  return report;
}

async function verifyFile(io: Io, { options }: Call): Promise<Report> {
  const { verifyAuditExport } = await import('../../services/verify-audit-export.ts');
  const file = String(options['file']);
  const keys = options['keys'] === undefined ? undefined : await readKeys(String(options['keys']));
  const checkpoints = await readCheckpoints(options);
  const lines = createInterface({ input: file === '-' ? io.stdin : await openFile(file), crlfDelay: Number.POSITIVE_INFINITY });
  const checked = await verifyAuditExport(lines, { checkpoints, ...(keys && { keys }) });
  const { trails, unsealed, unread } = checked;
  if (trails.length === 0) {
    throw new CommandFailed(
      'no-seals',
      `${plainText(file)} has no seals: it is a choice of events, or no export. Export without --email, --agent and the like.`,
    );
  }
  const notes = [
    ...(unsealed > 0 ? [`${unsealed} events stand behind the last seal: nothing vouches for them.`] : []),
    ...(unread > 0 ? [`${unread} lines are neither event nor seal nor key.`] : []),
    ...(checked.keys.areOwn
      ? [
          `The keys were taken from the export itself. Compare them with the issuer's, at <issuer>/audit/keys: ${checked.keys.kids.join(', ')}`,
        ]
      : []),
  ];
  return judge(trails, { json: checked, text: [...trails.map(describeTrail), ...notes].join('\n') });
}

async function verifyReceiptFile({ options }: Call, keys: readonly PublicJwk[]): Promise<Report> {
  const { verifyReceipt } = await import('../../services/verify-receipt.ts');
  const file = String(options['receipt']);
  const verified = verifyReceipt((await readText('receipt', file)).trim(), keys);
  if (verified.ok) return { json: { ok: true, ...verified.claims }, text: receiptWords(verified.claims) };
  throw new CommandFailed(verified.problem, `${plainText(file)} ${receiptProblemWords(verified.problem)}`);
}

async function openFile(file: string): Promise<ReadStream> {
  const stream = createReadStream(file);
  try {
    await once(stream, 'open');
  } catch (error) {
    throw new BadUsage(`--file ${plainText(file)} cannot be read: ${plainText((error as Error).message)}`, { cause: error });
  }
  return stream;
}

async function readKeys(file: string): Promise<PublicJwk[]> {
  const { isPublicJwk } = await import('../../services/audit-keys.ts');
  const text = await readText('keys', file);
  let keys: unknown;
  try {
    keys = (JSON.parse(text) as { keys?: unknown }).keys;
  } catch {
    keys = undefined;
  }
  if (Array.isArray(keys) && keys.length > 0 && keys.every(isPublicJwk)) return keys;
  throw new BadUsage(`--keys ${plainText(file)} is no set of keys as the issuer shows it at /audit/keys.`);
}

/** The newest seal of each tenant in a file, whatever else is in it. */
async function readCheckpoints(options: Call['options']): Promise<string[]> {
  if (options['checkpoint'] === undefined) return [];
  const file = String(options['checkpoint']);
  const newest = new Map<string, { seal: number; jws: string }>();
  for (const [jws] of (await readText('checkpoint', file)).matchAll(/[\w-]{20,}\.[\w-]{20,}\.[\w-]{86}(?![\w-])/g)) {
    const { tenant, seal } = readSeal(jws)?.statement ?? {};
    if (tenant !== undefined && seal !== undefined && seal >= (newest.get(tenant)?.seal ?? 0)) newest.set(tenant, { seal, jws });
  }
  if (newest.size === 0) throw new BadUsage(`--checkpoint ${plainText(file)} holds no seal.`);
  return [...newest.values()].map(({ jws }) => jws);
}

async function readText(option: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new BadUsage(`--${option} ${plainText(file)} cannot be read: ${plainText((error as Error).message)}`, { cause: error });
  }
}
