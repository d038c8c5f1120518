/** What a route is, and the few kinds there are. Guards belong to the kind, so that no handler can forget one. */
import type { Context } from 'koa';
import type { UserId } from '../domain/ids.ts';
import { requireFormToken, requireSameOrigin } from './form-guard.ts';
import { askToSignIn } from './pages/sign-in.ts';
import { type Form, readForm } from './request-body.ts';
import { isolateWindow } from './security-headers.ts';
import type { Site } from './site.ts';

/** Who may use a route. `interaction`: the browser in which an authorization request began. */
export type Access = 'anyone' | 'interaction' | 'person' | 'server';

/** One line of the route table. */
export interface Route {
  /** Stands in logs instead of the URL. */
  name: string;
  method: 'GET' | 'POST' | 'OPTIONS';
  /** Below the issuer. */
  path: string;
  access: Access;
  /** Whether it is seen in a browser, and so posts only from our own origin. */
  kind: 'page' | 'document';
  run(ctx: Context, site: Site): Promise<void>;
}

/** Who is signed in. */
export interface Person {
  userId: UserId;
  email: string;
  sessionUid: string;
  signedInAt: Date;
}

type Named = Pick<Route, 'name' | 'path'>;

/** A page that nobody needs to be signed in for. */
export function openPage(about: Named & { access?: Access }, handle: (ctx: Context, site: Site) => Promise<void>): Route {
  return { access: 'anyone', ...about, method: 'GET', kind: 'page', run: handle };
}

/** A form that nobody needs to be signed in for. */
export function openForm(
  about: Named & { access?: Access; maxBytes?: number },
  handle: (ctx: Context, site: Site, form: Form) => Promise<void>,
): Route {
  const { maxBytes, ...named } = about;
  return {
    access: 'anyone',
    ...named,
    method: 'POST',
    kind: 'page',
    run: async (ctx, site) => handle(ctx, site, await guardedForm(ctx, site, maxBytes)),
  };
}

/** A page of a person's own; who is not signed in is asked to, and comes back. */
export function personPage(about: Named, handle: (ctx: Context, site: Site, person: Person) => Promise<void>): Route {
  return {
    ...about,
    method: 'GET',
    kind: 'page',
    access: 'person',
    run: async (ctx, site) => {
      isolateWindow(ctx.res);
      const person = await findPerson(ctx, site);
      await (person ? handle(ctx, site, person) : askToSignIn(ctx, site, { returnTo: ctx.path + ctx.search }));
    },
  };
}

/** A form of a person's own. */
export function personForm(
  about: Named & { maxBytes?: number },
  handle: (ctx: Context, site: Site, posted: { person: Person; form: Form }) => Promise<void>,
): Route {
  const { maxBytes, ...named } = about;
  return {
    ...named,
    method: 'POST',
    kind: 'page',
    access: 'person',
    run: async (ctx, site) => {
      isolateWindow(ctx.res);
      const form = await guardedForm(ctx, site, maxBytes);
      const person = await findPerson(ctx, site);
      await (person ? handle(ctx, site, { person, form }) : askToSignIn(ctx, site, { returnTo: `${site.basePath}/account` }));
    },
  };
}

/** Something for programs. */
export function document(about: Named & Pick<Route, 'method' | 'access'>, handle: (ctx: Context, site: Site) => Promise<void>): Route {
  return { ...about, kind: 'document', run: handle };
}

/**
 * Documents that scripts of any origin may read, with the preflight they need (MCP-34). Never with cookies; pages carry no such
 * header at all. The engine says the same for its own endpoints.
 */
export function sharedDocument(about: Named, handle: (ctx: Context, site: Site) => Promise<void>): readonly Route[] {
  const read = document({ ...about, method: 'GET', access: 'anyone' }, async (ctx, site) => {
    ctx.set(sharedHeaders);
    await handle(ctx, site);
  });
  const preflight = document({ ...about, name: `${about.name}-preflight`, method: 'OPTIONS', access: 'anyone' }, async (ctx) => {
    ctx.status = 204;
    ctx.set({
      'Access-Control-Allow-Origin': '*',
      'Access-Control-Allow-Methods': 'GET',
      'Access-Control-Allow-Headers': 'authorization, content-type, accept, mcp-protocol-version',
      'Access-Control-Max-Age': '3600',
    });
  });
  return [read, preflight];
}

/** Lets scripts of any origin read the answer. */
export const sharedHeaders = { 'Access-Control-Allow-Origin': '*', 'Access-Control-Expose-Headers': 'Retry-After' } as const;

async function guardedForm(ctx: Context, site: Site, maxBytes: number | undefined): Promise<Form> {
  requireSameOrigin(ctx, site);
  const form = await readForm(ctx.req, maxBytes);
  requireFormToken(ctx, site, form);
  return form;
}

async function findPerson(ctx: Context, site: Site): Promise<Person | undefined> {
  const session = await site.engine.sessions.current(ctx);
  return session && { userId: session.userId, email: session.email, sessionUid: session.uid, signedInAt: session.signedInAt };
}
