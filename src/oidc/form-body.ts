import type { Context } from 'koa';

/** The longest form that is read before the engine reads it; the engine takes no longer ones either. */
const maxBytes = 56 * 1_024;

/** Reads a form whose length is told and within bounds; undefined, with nothing read, for any other body. */
export async function readFormBody(ctx: Context): Promise<Buffer | undefined> {
  const { length } = ctx.request;
  if (length === undefined || length > maxBytes || !ctx.is('application/x-www-form-urlencoded')) return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of ctx.req.iterator({ destroyOnReturn: false })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/**
 * A context of the same request for the engine to work on, which finds the body unread. Each run of the engine takes a context of its
 * own, because it ties itself to one for good. The request stays the same object: others know it by that.
 */
export function unreadContext(ctx: Context, body: Buffer): Context {
  const unread = async function* () {
    yield body;
  };
  Object.defineProperties(ctx.req, {
    readable: { value: true, configurable: true },
    iterator: { value: unread, configurable: true },
  });
  return Object.create(ctx) as Context;
}
