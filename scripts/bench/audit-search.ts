/** How long a page of a search takes in a large audit trail, by what is searched for. */
import { createHash } from 'node:crypto';
import type { ClientId, ServerId, UserId } from '../../src/domain/ids.ts';
import { type AuditFilter, searchAudit } from '../../src/services/search-audit.ts';
import { clients, type LargeTrail, openTrail, people, servers, tools, withTrail } from './audit-trail.ts';
import type { BenchOptions } from './options.ts';
import { median, percentile } from './statistics.ts';

const pageEvents = 50;
/** Of each kind, or as many as there is time for. */
const searches = 40;
const longestMs = 20_000;

/** Runs it and returns the findings as text. */
export function measureAuditSearch({ rowCount }: BenchOptions & { rowCount: number }, say: (line: string) => void): Promise<string> {
  return withTrail(rowCount, say, (trail) => searchEverything(trail, say));
}

/** Ids as they were filled in. */
function idOf(prefix: string, many: number, index: number): string {
  return `${prefix}${createHash('md5')
    .update(String((index * 7919) % many))
    .digest('hex')
    .slice(0, 20)}`;
}

async function searchEverything(trail: LargeTrail, say: (line: string) => void): Promise<string> {
  const { client, filledPerSecond } = trail;
  const opened = await openTrail(trail);
  const kinds: Record<string, (index: number) => AuditFilter> = {
    nothing: () => ({}),
    'a person': (index) => ({ userId: idOf('usr_', people, index) as UserId }),
    'an agent': (index) => ({ clientIds: [idOf('cli_', clients, index) as ClientId] }),
    'five agents': (index) => ({
      clientIds: [0, 1, 2, 3, 4].map((more) => idOf('cli_', clients, index + more * 31) as ClientId),
    }),
    'a server': (index) => ({ serverId: idOf('srv_', servers, index) as ServerId }),
    'a tool': (index) => ({ tool: `tool_${index % tools}` }),
    'a tool that nobody has': () => ({ tool: 'none' }),
    'a type that is seldom': () => ({ types: ['consent.changed'] }),
    'a type that is frequent': () => ({ types: ['token.issued'] }),
    'an outcome': () => ({ outcome: 'failure' }),
    'an outcome that never was': () => ({ outcome: 'denied' }),
    'a week, half a year ago': (index) => week(180 + index),
    'a person and an agent': (index) => ({
      userId: idOf('usr_', people, index) as UserId,
      clientIds: [idOf('cli_', clients, index % 20) as ClientId],
    }),
    'a tool on a server in a week': (index) => ({
      tool: `tool_${index % 20}`,
      serverId: idOf('srv_', servers, index) as ServerId,
      ...week(20 + index),
    }),
  };
  const rows: string[] = [];
  try {
    for (const [title, filterOf] of Object.entries(kinds)) {
      const tookMs: number[] = [];
      let found = 0;
      const startedAt = performance.now();
      let searched = 0;
      for (let index = 0; index < searches && performance.now() - startedAt < longestMs; index += 1) {
        searched += 1;
        const filter = filterOf(index);
        const beganAt = performance.now();
        const page = await searchAudit(opened.runtime, opened.tenant, { filter, limit: pageEvents });
        tookMs.push(performance.now() - beganAt);
        found += page.events.length;
        if (!page.next) continue;
        const againAt = performance.now();
        await searchAudit(opened.runtime, opened.tenant, { filter, before: page.next, limit: pageEvents });
        tookMs.push(performance.now() - againAt);
      }
      tookMs.sort((a, b) => a - b);
      const [middle, slow] = [median(tookMs), percentile(tookMs, 0.95)];
      say(`search by ${title}: ${middle.toFixed(1)} ms, p95 ${slow.toFixed(1)} ms`);
      rows.push(`| ${title} | ${(found / searched).toFixed(0)} | ${middle.toFixed(1)} | ${slow.toFixed(1)} |`);
    }
  } finally {
    await opened.close();
  }
  const size =
    await client.query(`SELECT pg_size_pretty(sum(pg_table_size(inhrelid))) AS rows, pg_size_pretty(sum(pg_indexes_size(inhrelid))) AS indexes
    FROM pg_inherits WHERE inhparent = 'audit_events'::regclass`);
  const count = await client.query('SELECT count(*)::int AS n FROM audit_events');
  return [
    `${count.rows[0].n.toLocaleString('en')} audit events of a year (${size.rows[0].rows}, and ${size.rows[0].indexes} of indexes; written by SQL at ${Math.round(filledPerSecond).toLocaleString('en')}/s), pages of ${pageEvents}, two of each search:`,
    '',
    '| search by | found | median ms | p95 ms |',
    '| --- | ---: | ---: | ---: |',
    ...rows,
  ].join('\n');
}

function week(daysAgo: number): Pick<AuditFilter, 'since' | 'until'> {
  const day = 86_400_000;
  const since = new Date(Math.floor(Date.now() / day) * day - (daysAgo % 350) * day);
  return { since, until: new Date(since.getTime() + 7 * day) };
}
