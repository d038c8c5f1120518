/**
 * The protocol room: the only one that knows `oidc-provider`. It lets the engine do the protocol and keeps the decisions outside:
 * what a person allows, what a token may carry and when that ends are services' business; what pages look like is http's.
 * It refuses to show HTML of its own, to read settings, and to touch the store outside its adapters. Called by http and compose.
 */
import type { Context, Next } from 'koa';
import Provider from 'oidc-provider';
import type { Runtime, Tenant } from '../services/runtime.ts';
import { ensureSigningKeys, type SigningKeySet } from '../services/signing-keys.ts';
import { configureEngine } from './configuration.ts';
import { allowAnyOrigin, answerPreflight } from './cors.ts';
import { seeToDocument } from './document-clients.ts';
import { answerDocument, createPublicDocuments, type PublicDocuments } from './documents.ts';
import { lendToEngine } from './engine-context.ts';
import type { Engine, EngineSettings, PublicDocument, Sessions } from './engine-contract.ts';
import { type EngineEnvironment, nameCookies } from './engine-environment.ts';
import { explainTokenError } from './explain-token-error.ts';
import { answerFaults, logRefusals, rememberFaults } from './faults.ts';
import { holdErrorBack } from './hold-error.ts';
import { installHooks } from './hooks.ts';
import { createInteractions } from './interactions.ts';
import { createLiveKeys } from './live-keys.ts';
import { createOwnTokenReader } from './own-token.ts';
import { createRefreshSuccessors } from './refresh-successor.ts';
import { answerManagement, answerRegistration } from './registration.ts';
import { stateOf } from './request-state.ts';
import { rewriteAuthorization } from './rewrite-authorization.ts';
import { paths } from './routes.ts';
import { settleSessionCookie } from './session-cookie.ts';
import { createSessions } from './sessions.ts';
import { answerSignOut } from './sign-out.ts';
import { answerTokenRequest, receiveTokenRequest } from './token-endpoint.ts';
import { answerIntrospection, answerRevocation } from './token-inspection.ts';
import { trustTransport } from './transport.ts';

/**
 * Makes the engine of a tenant, with signing keys if it has none yet. Throws when keys cannot be opened (ABUSE-55). The protocol
 * engine reads its keys when it is made: when they change, another is made and takes the place of the first, which finishes what
 * it has begun (ENG-23).
 */
export async function createEngine(runtime: Runtime, tenant: Tenant, settings: EngineSettings): Promise<Engine> {
  const keys = createLiveKeys(runtime, tenant, await ensureSigningKeys(runtime, tenant));
  let built = buildEngine(runtime, tenant, { settings, keys: keys.newest() });
  const newest = () => {
    if (built.keys !== keys.newest()) built = buildEngine(runtime, tenant, { settings, keys: keys.newest() });
    return built;
  };
  return {
    handle: async (ctx, next) => {
      built.receive(ctx);
      await keys.refresh({ toSign: ctx.method === 'POST' });
      return newest().handle(ctx, next);
    },
    serves: (path) => built.serves(path),
    document: (path) => (keys.areFresh() ? newest().document(path) : undefined),
    get interactions() {
      return newest().interactions;
    },
    get sessions() {
      return newest().sessions;
    },
  };
}

function buildEngine(
  runtime: Runtime,
  tenant: Tenant,
  { settings, keys }: Pick<EngineEnvironment, 'settings' | 'keys'>,
): Engine & Receiver & { keys: SigningKeySet } {
  const environment: EngineEnvironment = {
    runtime,
    tenant,
    settings,
    keys,
    cookies: nameCookies(tenant),
    successors: createRefreshSuccessors(runtime.vault, tenant.id),
    originOf: (ctx) => originOf(settings, ctx as Context),
    callerOf: (ctx) => settings.groupCaller(ctx as Context),
  };
  const provider = new Provider(tenant.issuer, configureEngine(environment));
  installHooks(provider, environment.successors);
  rememberFaults(provider);
  logRefusals(provider, environment);
  const sessions = createSessions(environment, provider);
  return {
    keys,
    ...createHandler(environment, provider, sessions),
    interactions: createInteractions(environment, provider, sessions),
    sessions,
  };
}

function originOf(settings: EngineSettings, ctx: Context & { oidc?: { client?: { clientId: string } } }) {
  const clientId = ctx.oidc?.client?.clientId;
  return { ...settings.describeCaller(ctx), actorType: 'client' as const, ...(clientId !== undefined && { actorId: clientId }) };
}

/** What is done with a request as soon as it is there, before anything is waited for. */
interface Receiver {
  receive(ctx: Context): void;
}

/** How one path is served. */
interface Endpoint extends Partial<Receiver> {
  /** Whom it is for: people see errors as pages, clients may be scripts of any origin, servers are neither. */
  audience: 'people' | 'clients' | 'servers';
  methods: Readonly<Record<string, (ctx: Context) => Promise<void> | void>>;
}

function createHandler(
  environment: EngineEnvironment,
  provider: Provider,
  sessions: Sessions,
): Pick<Engine, 'handle' | 'serves' | 'document'> & Receiver {
  const { issuer } = environment.tenant;
  const basePath = new URL(issuer).pathname.replace(/\/$/, '');
  const documents = createPublicDocuments(environment);
  const endpoints = createEndpoints(environment, provider, { documents, sessions });
  // Where the issuer has a path, the well-known part also stands before it (RFC 8414 §3.1, MCP-3).
  const inserted = new Map<string, string>([paths.oauthMetadata, paths.openidMetadata].map((path) => [`${path}${basePath}`, path]));
  const standing = new Map<string, PublicDocument>([
    ...[paths.oauthMetadata, paths.openidMetadata].map((path): [string, PublicDocument] => [path, documents.metadata]),
    [paths.jwks, documents.jwks],
  ]);
  const below = (path: string) => (path.startsWith(`${basePath}/`) ? path.slice(basePath.length) : inserted.get(path));
  const endpointAt = (path: string) => {
    const known = below(path);
    return known === undefined ? undefined : endpoints(known);
  };
  return {
    serves: (path) => endpointAt(path) !== undefined,
    document: (path) => standing.get(below(path) ?? ''),
    receive: (ctx) => {
      if (ctx.method === 'POST') endpointAt(ctx.path)?.receive?.(ctx);
    },
    handle: async (ctx, next) => {
      const endpoint = endpointAt(ctx.path);
      if (!endpoint) return next();
      const { methods, audience } = endpoint;
      trustTransport(ctx, environment.tenant);
      if (audience === 'clients' && ctx.method === 'OPTIONS') return answerPreflight(ctx, Object.keys(methods));
      if (audience === 'clients') allowAnyOrigin(ctx);
      const answer = methods[ctx.method === 'HEAD' ? 'GET' : ctx.method];
      if (!answer) return answerMethodNotAllowed(ctx, Object.keys(methods));
      await answerFaults(environment, ctx, { isPage: audience === 'people', next: async () => answer(ctx) });
    },
  };
}

function createEndpoints(
  environment: EngineEnvironment,
  provider: Provider,
  { documents, sessions }: { documents: PublicDocuments; sessions: Sessions },
): (path: string) => Endpoint | undefined {
  const engine = createEngineDoor(environment, provider);
  const ask = (ctx: Context) => engine(ctx).then(() => holdErrorBack(environment, ctx, sessions));
  const readToken = createOwnTokenReader(environment);
  const protect = (answer: (ctx: Context) => Promise<void>) => (ctx: Context) => answerGuarded(environment, ctx, () => answer(ctx));
  const token = protect(async (ctx) => {
    await answerTokenRequest(environment, ctx, engine);
    explainTokenError(ctx);
    countAnswer(environment, ctx);
  });
  const introspect = protect((ctx) => answerIntrospection(environment, ctx, { engine, readToken }));
  const revoke = protect((ctx) => answerRevocation(environment, ctx, { engine: () => engine(ctx), readToken }));
  const authorize = async (ctx: Context) => {
    if (!(await seeToDocument(environment, ctx))) return;
    await rewriteAuthorization(environment, ctx);
    await ask(ctx);
  };
  const exact = new Map<string, Endpoint>([
    [paths.oauthMetadata, { audience: 'clients', methods: { GET: (ctx) => answerDocument(ctx, documents.metadata) } }],
    [paths.openidMetadata, { audience: 'clients', methods: { GET: (ctx) => answerDocument(ctx, documents.metadata) } }],
    [paths.jwks, { audience: 'clients', methods: { GET: (ctx) => answerDocument(ctx, documents.jwks) } }],
    [paths.authorize, { audience: 'people', methods: { GET: authorize } }],
    [paths.token, { audience: 'clients', methods: { POST: token }, receive: (ctx) => receiveTokenRequest(environment.runtime, ctx) }],
    [paths.introspect, { audience: 'servers', methods: { POST: introspect } }],
    [paths.revoke, { audience: 'clients', methods: { POST: revoke } }],
    [paths.signOut, { audience: 'people', methods: { GET: (ctx) => answerSignOut(environment, ctx, () => engine(ctx)) } }],
    [paths.signOutConfirm, { audience: 'people', methods: { POST: engine } }],
    [paths.signedOut, { audience: 'people', methods: { GET: engine } }],
  ]);
  if (environment.tenant.settings.registration !== 'off') {
    exact.set(paths.register, { audience: 'clients', methods: { POST: protect((ctx) => answerRegistration(environment, ctx)) } });
  }
  // What was asked for is kept with the interaction. The engine would take parameters from a query where that is gone, and lead to whatever they say.
  const resume: Endpoint = {
    audience: 'people',
    methods: {
      GET: (ctx) => {
        ctx.querystring = '';
        return ask(ctx);
      },
    },
  };
  const manage = (clientId: string): Endpoint => {
    const answer = protect((ctx) => answerManagement(environment, ctx, clientId));
    return { audience: 'clients', methods: { GET: answer, PUT: answer, DELETE: answer } };
  };
  return (path) => {
    const [, parent, name] = /^(\/[a-z]+)\/([\w-]+)$/.exec(path) ?? [];
    const below =
      name === undefined
        ? undefined
        : parent === paths.authorize
          ? resume
          : parent === paths.register && exact.has(paths.register)
            ? manage(name)
            : undefined;
    return exact.get(path) ?? below;
  };
}

/** Lets the engine answer, seen from below the issuer's path. It gets exact paths only, so that it and we never mean different ones. */
function createEngineDoor(environment: EngineEnvironment, provider: Provider): (ctx: Context) => Promise<void> {
  const answer = provider.middleware.at(-1);
  if (!answer) throw new Error('the engine has no middleware');
  const basePath = new URL(environment.tenant.issuer).pathname.replace(/\/$/, '');
  return async (ctx) => {
    const { path } = ctx;
    ctx.path = path.slice(basePath.length);
    try {
      await answer(lendToEngine(ctx) as Parameters<typeof answer>[0], async () => undefined);
    } finally {
      ctx.path = path;
    }
    settleSessionCookie(environment, ctx);
  };
}

/** Nothing of these endpoints is kept by anyone (MCP-20), and every 401 says how to authenticate (ENG-32). */
async function answerGuarded({ tenant }: EngineEnvironment, ctx: Context, next: Next): Promise<void> {
  ctx.set('Cache-Control', 'no-store');
  await next();
  ctx.set('Cache-Control', 'no-store');
  if (ctx.status === 401 && !ctx.response.get('WWW-Authenticate')) ctx.set('WWW-Authenticate', `Basic realm="${tenant.issuer}"`);
}

function answerMethodNotAllowed(ctx: Context, methods: readonly string[]): void {
  ctx.status = 405;
  ctx.set('Allow', methods.join(', '));
  ctx.body = { error: 'invalid_request', error_description: 'method not allowed' };
}

/** Faults are counted as requests that ended in 5xx. */
function countAnswer({ runtime }: EngineEnvironment, ctx: Context): void {
  const { error } = (ctx.body ?? {}) as { error?: unknown };
  runtime.metrics.countTokenAnswer(stateOf(ctx).grantType ?? '', ctx.status === 200 ? 'issued' : String(error ?? 'server_error'));
}
