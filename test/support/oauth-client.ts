/** An OAuth client of a test's own: it speaks the protocol by hand, so that a test can also speak it wrongly. */
import { createHash } from 'node:crypto';
import { randomToken } from '../../src/platform/random.ts';
import { createManualClient } from '../../src/services/create-client.ts';
import type { RawResponse } from './http-exchange.ts';
import type { TestIssuer, TestPerson, TestServer } from './issuer.ts';
import { Browser, type Decision, decide } from './person.ts';

/** An issuer as a client sees it, in this process or in another one. */
export type IssuerDoor = Pick<TestIssuer, 'url' | 'origin' | 'send'>;

/** A registered client. */
export interface TestClient {
  clientId: string;
  secret?: string;
  redirectUri: string;
  managementToken: string;
  /** The whole answer to its registration. */
  registration: Record<string, unknown>;
}

/** A successful token response. */
export interface Tokens {
  access_token: string;
  refresh_token: string;
  token_type: string;
  expires_in: number;
  scope: string;
  id_token?: string;
}

const form = { 'Content-Type': 'application/x-www-form-urlencoded' };

/** Registers a client; by default a public one with a loopback redirect. */
export async function registerTestClient(issuer: IssuerDoor, metadata: Record<string, unknown> = {}): Promise<TestClient> {
  const body = {
    client_name: 'Test agent',
    redirect_uris: ['http://127.0.0.1:9/callback'],
    token_endpoint_auth_method: 'none',
    ...metadata,
  };
  const response = await postJson(issuer, '/register', body);
  if (response.status !== 201) throw new Error(`registration failed: ${response.status} ${response.text}`);
  const registration = response.json();
  return {
    clientId: String(registration.client_id),
    ...(typeof registration.client_secret === 'string' && { secret: registration.client_secret }),
    redirectUri: (registration.redirect_uris as string[])[0] ?? '',
    managementToken: String(registration.registration_access_token),
    registration,
  };
}

/** A client that an administrator makes: what is wrong with its requests, it hears at once (RFC 9700 §4.11.2). */
export async function makeTestClient(
  { runtime, tenant }: Pick<TestIssuer, 'runtime' | 'tenant'>,
  { redirectUris = ['https://known.example/cb'], authMethod = 'none' }: { redirectUris?: readonly string[]; authMethod?: string } = {},
): Promise<Pick<TestClient, 'clientId' | 'redirectUri' | 'secret'>> {
  const request = { name: 'Known agent', redirectUris, authMethod };
  const created = await createManualClient(runtime, tenant, { request, origin: { actorType: 'operator' } });
  if (!created.ok) throw new Error(`no client: ${created.problem.reason}`);
  const { client, secret } = created;
  return { clientId: client.id, redirectUri: redirectUris[0] ?? '', ...(secret !== undefined && { secret }) };
}

/** Changes what a client said at its registration, as the client itself (RFC 7592 §2.2); `undefined` leaves a member out. */
export async function changeRegistration(issuer: IssuerDoor, client: TestClient, change: Record<string, unknown>): Promise<RawResponse> {
  const { registration_access_token: _, registration_client_uri: __, client_id_issued_at: ___, ...registered } = client.registration;
  return issuer.send({
    method: 'PUT',
    path: `/register/${client.clientId}`,
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${client.managementToken}` },
    body: JSON.stringify({ ...registered, ...change }),
  });
}

/** Sends JSON. */
export function postJson(issuer: IssuerDoor, path: string, body: unknown, headers: Record<string, string> = {}): Promise<RawResponse> {
  return issuer.send({ method: 'POST', path, headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(body) });
}

/** Sends a form to a protocol endpoint. Parameters may come more than once. */
export function postForm(
  issuer: IssuerDoor,
  path: string,
  parameters: Record<string, string | readonly string[] | undefined>,
  headers: Record<string, string> = {},
): Promise<RawResponse> {
  return issuer.send({ method: 'POST', path, headers: { ...form, ...headers }, body: encode(parameters) });
}

function encode(parameters: Record<string, string | readonly string[] | undefined>): string {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => [value ?? []].flat().map((one) => [name, one] as [string, string]));
  return new URLSearchParams(pairs).toString();
}

/** The header of a client or server that authenticates by Basic, unencoded as the SDKs send it. */
export function basic(id: string, secret: string): Record<string, string> {
  return { Authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` };
}

/** A PKCE pair. */
export function newPkce(): { verifier: string; challenge: string } {
  const verifier = randomToken(32);
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

/** An authorization URL; `undefined` leaves a parameter out. */
export function authorizationUrl(
  issuer: IssuerDoor,
  client: Pick<TestClient, 'clientId' | 'redirectUri'>,
  parameters: Record<string, string | readonly string[] | undefined>,
): string {
  const all = {
    response_type: 'code',
    client_id: client.clientId,
    redirect_uri: client.redirectUri,
    code_challenge_method: 'S256',
    ...parameters,
  };
  return `${issuer.url}/authorize?${encode(all)}`;
}

/** What authorizing yields: where the browser was sent, and what is needed to redeem. */
export interface Authorized {
  location: URL;
  code: string;
  verifier: string;
  browser: Browser;
}

/** How a test authorizes. */
export interface AuthorizeOptions {
  client: Pick<TestClient, 'clientId' | 'redirectUri'>;
  person: TestPerson;
  server: Pick<TestServer, 'resource'>;
  scope?: string;
  decision?: Decision;
  /** Of an earlier visit, still signed in. */
  browser?: Browser;
  parameters?: Record<string, string | undefined>;
}

/** Goes through sign-in and consent. */
export async function authorize(issuer: IssuerDoor, options: AuthorizeOptions): Promise<Authorized> {
  const { client, person, server, scope, decision } = options;
  const browser = options.browser ?? new Browser(issuer.origin);
  const { verifier, challenge } = newPkce();
  const asked = { code_challenge: challenge, resource: server.resource, state: randomToken(8), scope, ...options.parameters };
  const location = await decide(browser, authorizationUrl(issuer, client, asked), { person, ...(decision && { decision }) });
  return { location, code: location.searchParams.get('code') ?? '', verifier, browser };
}

/** Redeems a code; parameters may be replaced, or left out by `undefined`. */
export function redeem(
  issuer: IssuerDoor,
  client: Pick<TestClient, 'clientId' | 'redirectUri'>,
  { code, verifier }: Pick<Authorized, 'code' | 'verifier'>,
  parameters: Record<string, string | readonly string[] | undefined> = {},
  headers: Record<string, string> = {},
): Promise<RawResponse> {
  const all = {
    grant_type: 'authorization_code',
    client_id: client.clientId,
    redirect_uri: client.redirectUri,
    code,
    code_verifier: verifier,
  };
  return postForm(issuer, '/token', { ...all, ...parameters }, headers);
}

/** Refreshes; parameters may be replaced, or left out by `undefined`. */
export function refresh(
  issuer: IssuerDoor,
  client: Pick<TestClient, 'clientId'>,
  refreshToken: string,
  parameters: Record<string, string | readonly string[] | undefined> = {},
): Promise<RawResponse> {
  const all = { grant_type: 'refresh_token', client_id: client.clientId, refresh_token: refreshToken };
  return postForm(issuer, '/token', { ...all, ...parameters });
}

/** Authorizes and redeems. */
export async function connect(
  issuer: IssuerDoor,
  options: AuthorizeOptions,
): Promise<Tokens & { browser: Browser; code: string; verifier: string }> {
  const authorized = await authorize(issuer, options);
  const response = await redeem(issuer, options.client, authorized);
  if (response.status !== 200) throw new Error(`no tokens: ${response.status} ${response.text} (sent to ${authorized.location.href})`);
  const { browser, code, verifier } = authorized;
  return { ...response.json<Tokens>(), browser, code, verifier };
}

/** The claims of a JWT, unchecked. */
export function claimsOf(jwt: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8'));
}

/** Whether an access token counts, by introspection with the server's credential. */
export async function isActive(issuer: IssuerDoor, server: TestServer, token: string): Promise<boolean> {
  const response = await postForm(issuer, '/introspect', { token }, basic(server.serverId, server.credential));
  if (response.status !== 200) throw new Error(`introspection failed: ${response.status} ${response.text}`);
  return response.json().active === true;
}
