/** What each row asks of a contender: the requests of all connections for one measurement. */
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Contender } from './contenders/contender.ts';
import { allowedTools, resource } from './contenders/contender.ts';
import type { Lane, LoadRequest } from './load.ts';
import type { RowName } from './options.ts';
import { type BenchedPage, makePageLanes, visitorCount } from './pages.ts';
import { makeReportLanes } from './report-batches.ts';

/** One row, for one contender. */
export interface Scenario {
  /** Makes the connections' requests, enough of them for about `requests`. */
  prepare(requests: number): Promise<Lane[]>;
  /** Whether requests are used up, so that `prepare` has to know how many are needed. */
  isUsedUp: boolean;
}

/** The rows that are requests over HTTP. */
export type HttpRowName = Exclude<RowName, 'verification' | 'workers' | 'cold-start'>;

const redirectUri = 'http://127.0.0.1:8976/callback';
const codeVerifier = randomBytes(32).toString('base64url');
const codeChallenge = createHash('sha256').update(codeVerifier).digest('base64url');

/** What the official TypeScript SDK sends when it registers. */
const registrationBody = JSON.stringify({
  client_name: 'Bench',
  redirect_uris: [redirectUri],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
  application_type: 'native',
});
const json = { 'content-type': 'application/json', accept: 'application/json' };
const form = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };

/** Several connections share a machine client, as the processes of one service do. */
const machineCount = 8;
const scope = allowedTools.map((tool) => `tool:${tool}`).join(' ');

/** Reads a contender's metadata, registers a client with it, and sets all rows up. */
export async function createScenarios(contender: Contender, connections: number): Promise<Scenarios> {
  const endpoints = await readEndpoints(contender.origin);
  const { clientId } = await register(contender.origin, endpoints.registration);
  const codeRequest = { clientId, redirectUri, codeChallenge };
  const redeem = (code: string): LoadRequest =>
    post(endpoints.token, {
      grant_type: 'authorization_code',
      code,
      code_verifier: codeVerifier,
      redirect_uri: redirectUri,
      client_id: clientId,
      resource,
    });
  const tokensOf = async (code: string) => send(contender.origin, redeem(code));
  const { makeSignIns, makePageVisitors } = contender;
  const page = (name: BenchedPage): Scenario => ({
    isUsedUp: false,
    prepare: async () =>
      makePageLanes(contender.origin, (await makePageVisitors?.(visitorCount)) ?? [], { page: name, request: codeRequest, connections }),
  });
  const families: RefreshLane[] = [];
  const machines: string[] = [];
  return {
    discovery: always(connections, 200, { method: 'GET', path: '/.well-known/oauth-authorization-server' }),
    jwks: always(connections, 200, { method: 'GET', path: endpoints.jwks }),
    // The bare engine has none: beside it stands the document that is nearest.
    status: always(connections, 200, { method: 'GET', path: contender.name === 'Toolgrant' ? '/status/0' : endpoints.jwks }),
    registration: always(connections, 201, { method: 'POST', path: endpoints.registration, headers: json, body: registrationBody }),
    code: {
      isUsedUp: true,
      prepare: async (requests) => {
        const codes = await contender.makeCodes(codeRequest, requests);
        const next = () => {
          const code = codes.pop();
          return code === undefined ? undefined : redeem(code);
        };
        return Array.from({ length: connections }, () => ({ expectedStatus: 200, next }));
      },
    },
    refresh: {
      isUsedUp: false,
      prepare: async () => {
        if (families.length === 0) {
          for (const code of await contender.makeCodes(codeRequest, connections)) {
            const { refresh_token: token } = await tokensOf(code);
            families.push(new RefreshLane(endpoints.token, clientId, String(token)));
          }
        }
        return families;
      },
    },
    'client-credentials': {
      isUsedUp: false,
      prepare: async () => {
        if (machines.length === 0) machines.push(...(await contender.makeMachines(machineCount)));
        const requests = machines.map((authorization) =>
          post(endpoints.token, { grant_type: 'client_credentials', resource, scope }, { authorization }),
        );
        return Array.from({ length: connections }, (_, place) => ({
          expectedStatus: 200,
          next: () => requests[place % requests.length] as LoadRequest,
        }));
      },
    },
    introspection: {
      isUsedUp: false,
      prepare: async () => {
        // Anew for each measurement: access tokens live a quarter of an hour.
        const redeemOne = async (code: string) => String((await tokensOf(code)).access_token);
        const { authorization, tokens } = await contender.makeQuestions(codeRequest, connections, redeemOne);
        const questions = tokens.map((token) => post(endpoints.introspection, { token }, { authorization }));
        return questions.map((question) => ({ expectedStatus: 200, next: () => question, answered: requireActive }));
      },
    },
    ...(contender.name === 'Toolgrant' && {
      reports: {
        isUsedUp: false,
        prepare: async () => {
          const redeemOne = async (code: string) => String((await tokensOf(code)).access_token);
          return makeReportLanes(await contender.makeQuestions(codeRequest, reportingPeople, redeemOne));
        },
      },
    }),
    ...(makeSignIns && {
      'sign-in': {
        isUsedUp: false,
        prepare: async () => {
          const people = await makeSignIns(connections);
          return people.map(({ path, cookie, body }) => {
            const request: LoadRequest = { method: 'POST', path, headers: { ...form, cookie }, body };
            return { expectedStatus: 303, next: () => request };
          });
        },
      },
    }),
    ...(makePageVisitors && {
      'login-page': page('login-page'),
      'consent-page': page('consent-page'),
    }),
  };
}

/** Whose calls are reported. */
const reportingPeople = 200;

/** Rows that the bare engine does not have: there nobody signs in, no page is shown, and no server reports. */
type OwnRowName = 'sign-in' | 'reports' | BenchedPage;

/** Rows by name. */
export type Scenarios = Readonly<Record<Exclude<HttpRowName, OwnRowName>, Scenario> & Partial<Record<OwnRowName, Scenario>>>;

function requireActive(body: string): void {
  if (!body.includes('"active":true')) throw new Error(`a good token is not active: ${body}`);
}

/** One installation that refreshes again and again, each time with the token that came last. */
class RefreshLane implements Lane {
  readonly expectedStatus = 200;
  readonly #path: string;
  readonly #clientId: string;
  #token: string;

  constructor(path: string, clientId: string, token: string) {
    this.#path = path;
    this.#clientId = clientId;
    this.#token = token;
  }

  next(): LoadRequest {
    return post(this.#path, { grant_type: 'refresh_token', refresh_token: this.#token, client_id: this.#clientId, resource });
  }

  answered(body: string): void {
    this.#token = (JSON.parse(body) as { refresh_token: string }).refresh_token;
  }
}

function always(connections: number, expectedStatus: number, request: LoadRequest): Scenario {
  return { isUsedUp: false, prepare: async () => Array.from({ length: connections }, () => ({ expectedStatus, next: () => request })) };
}

function post(path: string, fields: Record<string, string>, headers: Record<string, string> = {}): LoadRequest {
  return { method: 'POST', path, headers: { ...form, ...headers }, body: new URLSearchParams(fields).toString() };
}

async function readEndpoints(origin: string): Promise<Record<'jwks' | 'registration' | 'token' | 'introspection', string>> {
  const metadata = await send(origin, { method: 'GET', path: '/.well-known/oauth-authorization-server' });
  const pathOf = (name: string) => new URL(String(metadata[name])).pathname;
  return {
    jwks: pathOf('jwks_uri'),
    registration: pathOf('registration_endpoint'),
    token: pathOf('token_endpoint'),
    introspection: pathOf('introspection_endpoint'),
  };
}

async function register(origin: string, path: string): Promise<{ clientId: string }> {
  const client = await send(origin, { method: 'POST', path, headers: json, body: registrationBody });
  return { clientId: String(client.client_id) };
}

/** How often a request of the set-up is sent again to an issuer that says it is busy. */
const repeats = 3;

async function send(origin: string, request: LoadRequest, repeatsLeft = repeats): Promise<Record<string, unknown>> {
  const { method, path, headers, body } = request;
  const answer = await fetch(`${origin}${path}`, { method, ...(headers && { headers }), ...(body !== undefined && { body }) });
  const text = await answer.text();
  const retryAfterSeconds = Number(answer.headers.get('retry-after') ?? Number.NaN);
  if (answer.status === 503 && retryAfterSeconds >= 0 && repeatsLeft > 0) {
    await sleep(retryAfterSeconds * 1_000);
    return send(origin, request, repeatsLeft - 1);
  }
  if (!answer.ok) throw new Error(`${method} ${path} was answered with ${answer.status}: ${text}`);
  return JSON.parse(text);
}
