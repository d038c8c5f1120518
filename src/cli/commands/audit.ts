import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Office } from '../../compose/open-office.ts';
import type { AuditFilter, AuditPlace, NamedEvent } from '../../services/search-audit.ts';
import { getAuditFilter, takesAuditFilter } from '../audit-filter.ts';
import { eventHeadings, eventRow, eventToJson } from '../audit-words.ts';
import { BadUsage } from '../failure.ts';
import type { Io } from '../io.ts';
import { type Call, group, streaming, tenantLeaf, type Write } from '../leaf.ts';
import { plainLine, plainText, table } from '../plain-text.ts';
import { listenForStop } from '../stop-signals.ts';
import { addAuditExport } from './audit-export.ts';
import { addAuditVerify } from './audit-verify.ts';

/** From one look for new events to the next. */
const followEveryMs = 1_000;

/** What was recorded. */
export function addAuditCommands(program: Command, io: Io): void {
  const audit = group(program, 'audit', 'what was recorded: look at it, search, export, and show that nobody touched it');
  takesAuditFilter(tenantLeaf(audit, 'tail', 'the newest events, in the order of time; with --json one line of JSON each'))
    .addOption(new Option('-n, --limit <n>', 'so many').argParser(readLimit).default(20))
    .option('-f, --follow', 'and those that come, until it is stopped')
    .action(streaming(io, (office, call, write) => tail(write, office, call)));
  takesAuditFilter(tenantLeaf(audit, 'search', 'find events, the newest first; with --json one line of JSON each'))
    .addOption(new Option('-n, --limit <n>', 'at most so many').argParser(readLimit).default(50))
    .option('--before <place>', 'go on where a page ended')
    .action(streaming(io, (office, call, write) => search({ io, write }, office, call)));
  addAuditExport(audit, io);
  addAuditVerify(audit, io);
}

function readLimit(text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new InvalidArgumentError('Write a number from 1 to 99999.');
  return Number(text);
}

async function search({ io, write }: { io: Io; write: Write }, office: Office, call: Call): Promise<void> {
  const { searchAudit } = await import('../../services/search-audit.ts');
  const { runtime, tenant } = office;
  const before = call.options['before'] === undefined ? undefined : readPlace(String(call.options['before']));
  const page = await searchAudit(runtime, tenant, {
    filter: await getAuditFilter(office, call),
    before,
    limit: Number(call.options['limit']),
  });
  await print(write, call, page.events);
  if (!page.next) return;
  // Behind the results, and out of the way of whatever reads them.
  io.err(`More: add --before ${spellPlace(page.next)}\n`);
}

async function tail(write: Write, office: Office, call: Call): Promise<void> {
  const { searchAudit } = await import('../../services/search-audit.ts');
  const { runtime, tenant } = office;
  const filter = await getAuditFilter(office, call);
  const newest = async () => {
    const { events } = await searchAudit(runtime, tenant, { filter, limit: Number(call.options['limit']) });
    await print(write, call, events.reverse());
    return new Set(events.map(({ event }) => event.id));
  };
  if (call.options['follow'] === true) await follow({ write, newest, filter }, office, call);
  else await newest();
}

async function follow(
  { write, newest, filter }: { write: Write; newest: () => Promise<Set<string>>; filter: AuditFilter },
  { runtime, tenant }: Office,
  { options }: Call,
): Promise<void> {
  const { followAudit } = await import('../../services/search-audit.ts');
  const stopping = new AbortController();
  const { signal } = stopping;
  const stop = listenForStop(process, () => process.exit(1));
  void stop.requested.then(() => stopping.abort());
  const wait = () => sleep(followEveryMs, undefined, { signal }).catch(() => undefined);
  try {
    // Where to go on is known before what there is is read: nothing falls between.
    const coming = await followAudit(runtime, tenant, { filter, signal, wait });
    const shown = await newest();
    for await (const more of coming) {
      const unseen = more.filter(({ event }) => !shown.has(event.id));
      await (options['json'] === true ? printJson(write, unseen) : printLines(write, unseen));
    }
  } finally {
    stop.release();
  }
}

async function print(write: Write, { options }: Call, events: readonly NamedEvent[]): Promise<void> {
  if (options['json'] === true) return printJson(write, events);
  await write(events.length > 0 ? `${table(eventHeadings, events.map(eventRow))}\n` : 'Nothing was recorded that is like that.\n');
}

async function printJson(write: Write, events: readonly NamedEvent[]): Promise<void> {
  for (const event of events) await write(`${plainLine(eventToJson(event))}\n`);
}

/** What comes one after another has no columns. */
async function printLines(write: Write, events: readonly NamedEvent[]): Promise<void> {
  for (const event of events) await write(`${eventRow(event).filter(Boolean).map(plainText).join('  ')}\n`);
}

function spellPlace({ at, id }: AuditPlace): string {
  return `${at.toISOString()},${id}`;
}

function readPlace(text: string): AuditPlace {
  const [, at = '', id = ''] = /^(\d{4}-\d{2}-\d{2}T[\d:.]+Z),([\w-]{1,100})$/.exec(text) ?? [];
  const instant = new Date(at);
  if (id === '' || Number.isNaN(instant.getTime())) throw new BadUsage(`--before ${plainText(text)} is not what a page ended with.`);
  return { at: instant, id };
}
