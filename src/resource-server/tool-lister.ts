import { type Access, type AccessSource, sourceOf } from './access.ts';
import { ambientLater } from './ambient.ts';
import { BoundedMap } from './bounded-map.ts';
import type { Reports } from './call-recorder.ts';
import { canonicalJson } from './canonical-json.ts';
import { basicAuthorization, type ServerCredential } from './credentials.ts';
import type { IssuerHttp } from './issuer-http.ts';
import { isJsonObject, ownText, ownValue } from './json-rpc.ts';

/** Is shown the tools of every list that the server answers with, before they are filtered. Never waits, never throws. */
export type SeeTools = (tools: readonly unknown[]) => void;

/** What the issuer keeps of a tool. */
const MEMBERS = ['name', 'title', 'description', 'annotations', 'inputSchema', 'outputSchema'] as const;

/** The issuer takes no more at once, in bytes of UTF-8. */
const MAX_TOOLS = 500;
const MAX_BYTES = 400_000;

/** So much waits at most while the issuer is away; what comes on top is told when it is listed again. */
const MAX_WAITING_BYTES = 2_000_000;

/** Between two messages, and after one that did not arrive. */
const PAUSE_MS = 10_000;
const RETRY_MS = 60_000;

/** So many definitions that the issuer has are known by their digests. */
const MAX_KNOWN = 20_000;

/**
 * Tells the issuer which tools this server lists, so that it notices a changed one at once and need not wait until it reads
 * the list itself. Each definition is told once; a list that was seen before costs one digest.
 */
export function createToolLister(
  issuer: string,
  credential: ServerCredential,
  { http, now }: { readonly http: IssuerHttp; readonly now: () => Date },
): SeeTools {
  const url = `${issuer.replace(/\/$/, '')}/servers/tools`;
  const known = new BoundedMap<string, true>({ maxWeight: MAX_KNOWN });
  const waiting = new Map<string, SpelledTool>();
  let waitingBytes = 0;
  let isSending = false;
  let notBeforeMs = Number.NEGATIVE_INFINITY;

  async function look(tools: readonly unknown[]): Promise<void> {
    const list = await digestOf(JSON.stringify(tools));
    if (known.get(list)) return;
    let isWhole = true;
    for (const tool of tools) {
      const spelled = spell(tool);
      if (spelled === undefined) continue;
      const digest = await digestOf(spelled.text);
      if (known.get(digest) || waiting.has(digest)) continue;
      if (waiting.size < MAX_TOOLS && waitingBytes + spelled.bytes <= MAX_WAITING_BYTES) {
        waiting.set(digest, spelled);
        waitingBytes += spelled.bytes;
      } else isWhole = false;
    }
    if (isWhole) known.set(list, true);
    await sendSome();
  }

  async function sendSome(): Promise<void> {
    if (isSending || waiting.size === 0) return;
    const waitMs = notBeforeMs - now().getTime();
    // A clock that was set back must not hold it up.
    if (waitMs > 0 && waitMs <= RETRY_MS) return;
    isSending = true;
    const batch = takeBatch();
    const isThere = await send([...batch.values()].map(({ text }) => text));
    isSending = false;
    notBeforeMs = now().getTime() + (isThere ? PAUSE_MS : RETRY_MS);
    for (const [digest, { bytes }] of batch) {
      if (!isThere) continue;
      waiting.delete(digest);
      waitingBytes -= bytes;
      known.set(digest, true);
    }
    if (waiting.size > 0) ambientLater(isThere ? PAUSE_MS : RETRY_MS, () => void sendSome());
  }

  function takeBatch(): Map<string, SpelledTool> {
    const batch = new Map<string, SpelledTool>();
    let sum = 0;
    for (const [digest, spelled] of waiting) {
      sum += spelled.bytes;
      if (batch.size > 0 && sum > MAX_BYTES) break;
      batch.set(digest, spelled);
    }
    return batch;
  }

  async function send(texts: readonly string[]): Promise<boolean> {
    try {
      const { status } = await http.post(url, {
        contentType: 'application/json',
        headers: { authorization: basicAuthorization(credential) },
        body: `{"tools":[${texts.join(',')}]}`,
        maxBytes: 64 * 1024,
      });
      // What the issuer will never read is not sent again.
      return (status >= 200 && status < 300) || status === 400 || status === 413;
    } catch {
      return false;
    }
  }

  return (tools) => {
    look(tools).catch(() => undefined); // the list is the client's in any case
  };
}

interface SpelledTool {
  readonly text: string;
  readonly bytes: number;
}

/** Undefined for what is no tool, and for one that is larger than the issuer keeps. */
function spell(tool: unknown): SpelledTool | undefined {
  if (!isJsonObject(tool) || ownText(tool, 'name') === undefined) return undefined;
  const members = MEMBERS.flatMap((member) => {
    const value = ownValue(tool, member);
    return value === undefined ? [] : [[member, value] as const];
  });
  const text = canonicalJson(Object.fromEntries(members));
  if (text === undefined || text.length > MAX_BYTES) return undefined;
  const bytes = new TextEncoder().encode(text).byteLength;
  return bytes > MAX_BYTES ? undefined : { text, bytes };
}

async function digestOf(text: string): Promise<string> {
  const bytes = new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  return String.fromCharCode(...bytes);
}

const listers = new WeakMap<object, SeeTools>();

/** Lets whoever has `holder` (the reports of a verifier, or the source of its accesses) find the lister. */
export function bindLister(holder: AccessSource | Reports, lister: SeeTools): void {
  listers.set(holder, lister);
}

/** The lister of a verifier's reports or of an access; undefined where nothing is reported. */
export function listerOf(holder: Access | Reports): SeeTools | undefined {
  return listers.get(sourceOf(holder) ?? holder);
}
