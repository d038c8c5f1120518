import type { Context } from 'koa';

/** The longest body that is read; more than any honest registration has. */
const maxBytes = 48 * 1_024;

/** Reads a JSON body within bounds. Never throws on what a caller can send. */
export async function readJsonBody(ctx: Context): Promise<{ ok: true; value: unknown } | { ok: false; reason: string }> {
  if (!ctx.is('application/json')) return { ok: false, reason: 'the body must be JSON: send it with Content-Type: application/json' };
  const bytes = await readBytes(ctx);
  if (!bytes) return { ok: false, reason: `the body must have at most ${maxBytes} bytes: send less` };
  try {
    return { ok: true, value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) };
  } catch {
    return { ok: false, reason: 'the body must be a JSON object in UTF-8' };
  }
}

async function readBytes(ctx: Context): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  // The rest of a body that is too long is left unread; the connection goes with the answer.
  for await (const chunk of ctx.req.iterator({ destroyOnReturn: false })) {
    length += (chunk as Buffer).length;
    if (length > maxBytes) {
      ctx.set('Connection', 'close');
      return undefined;
    }
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks, length);
}
