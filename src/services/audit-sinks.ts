/** Where the audit trail is delivered to, for whoever watches it elsewhere: a file, or somebody who takes webhooks. */
import { isAuditFile, isWholeUpTo } from '../domain/audit-file.ts';
import { readSeal } from '../domain/audit-seal.ts';
import type { Clock } from '../platform/clock.ts';
import { sha256 } from '../platform/digest.ts';
import type { GuardedFetch } from '../platform/guarded-fetch.ts';
import { createLineFile } from '../platform/line-file.ts';
import { webhookHeaders } from '../platform/standard-webhooks.ts';
import type { TrailSink } from '../store/trail-cursors.ts';

/** A seal with its events, as they leave the house: each a line of an export. */
export interface SealedRun {
  tenantId: string;
  seal: number;
  /** The public keys that count. */
  keyLines: readonly string[];
  eventLines: readonly string[];
  sealLine: string;
}

/** A place to deliver to. */
export interface AuditSink {
  name: TrailSink;
  /** How many tenants' trails it takes at the same time; 1: of all instances together. */
  atOnce: number;
  /** Settles when all of it has arrived. It may come again, in part or whole, when it was not noted that it did. Rejects otherwise. */
  deliver(run: SealedRun, options: DeliveryOptions): Promise<void>;
}

/** How a run is delivered. */
export interface DeliveryOptions {
  clock: Clock;
  /** Called before each step but the first, none of which takes longer than half a minute; rejects when another instance has taken over. */
  goOn(): Promise<void>;
  signal?: AbortSignal | undefined;
}

/** Appends what an export would say to a file. The keys stand before the first seal of a tenant in each file, and of each process. */
export function createFileSink(path: string): AuditSink {
  const introduced = new Set<string>();
  const file = createLineFile(path, { isOurs: isAuditFile, isEnd: isWholeUpTo });
  return {
    name: 'file',
    atOnce: 1,
    deliver: async ({ tenantId, keyLines, eventLines, sealLine }) => {
      await file.append((isNew) => {
        if (isNew) introduced.clear();
        return [...(introduced.has(tenantId) ? [] : keyLines), ...eventLines, sealLine];
      });
      introduced.add(tenantId);
    },
  };
}

/** The most that a message holds, in characters; receivers have limits. */
const messageCharacters = 512 * 1024;

/**
 * Posts messages by Standard Webhooks: those of one tenant in order, each with an id that is the same when it is sent again. A seal
 * with many events takes several.
 */
export function createWebhookSink({ url, key, send }: { url: string; key: Buffer; send: GuardedFetch }): AuditSink {
  return {
    name: 'webhook',
    atOnce: 4,
    deliver: async ({ tenantId, seal, keyLines, eventLines, sealLine }, { clock, goOn, signal }) => {
      const parts = inParts(eventLines);
      const { jws } = JSON.parse(sealLine) as { jws: string };
      const { sealedAt } = readSeal(jws)?.statement ?? {};
      // After a backup was restored, other seals have the same numbers.
      const mark = sha256(jws).slice(0, 8);
      for (const [index, events] of parts.entries()) {
        if (index > 0) await goOn();
        const at = clock.now();
        const about = { tenant: tenantId, seal, part: index + 1, parts: parts.length };
        const isLast = index === parts.length - 1;
        // Events stand in it as they were sealed, character by character.
        const data = `${JSON.stringify(about).slice(0, -1)},"events":[${events.join(',')}]${isLast ? `,"proof":${sealLine},"keys":[${keyLines.join(',')}]` : ''}}`;
        const body = `{"type":"audit.sealed","timestamp":${JSON.stringify(sealedAt ?? at.toISOString())},"data":${data}}`;
        const headers = webhookHeaders(key, { id: `${tenantId}_${seal}_${index + 1}_${mark}`, at, body });
        await post(send, url, { headers, body, ...(signal && { signal }) });
      }
    },
  };
}

function inParts(lines: readonly string[]): string[][] {
  const parts: string[][] = [[]];
  let characters = 0;
  for (const line of lines) {
    if (characters > 0 && characters + line.length > messageCharacters) {
      parts.push([]);
      characters = 0;
    }
    parts.at(-1)?.push(line);
    characters += line.length;
  }
  return parts;
}

async function post(
  send: GuardedFetch,
  url: string,
  { headers, body, signal }: { headers: Record<string, string>; body: string; signal?: AbortSignal },
): Promise<void> {
  const response = await send(url, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body,
    ...(signal && { signal }),
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`the receiver of audit webhooks answered with ${response.status}`);
}
