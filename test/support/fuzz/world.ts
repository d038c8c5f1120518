/** What honest people and clients of an issuer hold at a moment: tokens, pages that wait for an answer, sessions. Made by going the honest way. */
import { issuerPath } from '../../../src/domain/issuer-url.ts';
import { randomToken } from '../../../src/platform/random.ts';
import { issueLink } from '../../../src/services/issue-link.ts';
import type { Runtime, Tenant } from '../../../src/services/runtime.ts';
import { keepSelection } from '../../../src/store/selections.ts';
import { exchange } from '../http-exchange.ts';
import { addPerson, type TestServer } from '../issuer.ts';
import { authorizationUrl, authorize, connect, type IssuerDoor, newPkce, registerTestClient, type TestClient } from '../oauth-client.ts';
import { Browser, readForms } from '../person.ts';
import type { Facts } from './draft.ts';
import type { JudgedPlace } from './judge.ts';

/** A tenant that requests are sent to. */
export interface Place extends Omit<JudgedPlace, 'changingClients'> {
  basePath: string;
  host: string;
  door: IssuerDoor;
  tenant: Tenant;
  server: TestServer;
  client: TestClient;
  secretClient: TestClient;
  metadataClientId: string;
  trapPort: number;
}

const operator = { actorType: 'operator' } as const;

/** Registers the clients that all requests of a place go by. */
export async function openPlace(
  tenant: Tenant,
  about: Pick<Place, 'server' | 'trapPort'> & { port: number; secrets: readonly string[] },
): Promise<Place> {
  const { server, port, trapPort } = about;
  const host = new URL(tenant.issuer).host;
  const basePath = issuerPath(tenant.issuer);
  const origin = { port, host };
  const door: IssuerDoor = {
    url: tenant.issuer,
    origin,
    send: (request) => exchange(origin, { ...request, path: `${basePath}${request.path}` }),
  };
  const postLogout = 'http://127.0.0.1:9/out';
  const client = await registerTestClient(door, {
    redirect_uris: ['http://127.0.0.1:9/callback', 'https://agent.example/cb?keep=1'],
    post_logout_redirect_uris: [postLogout],
  });
  const secretClient = await registerTestClient(door, {
    redirect_uris: ['https://confidential.example/cb'],
    token_endpoint_auth_method: 'client_secret_basic',
  });
  return {
    issuer: tenant.issuer,
    basePath,
    host,
    door,
    tenant,
    server,
    client,
    secretClient,
    trapPort,
    metadataClientId: 'https://nowhere.example/client.json',
    redirectUris: ['http://127.0.0.1:9/callback', 'https://agent.example/cb?keep=1', 'https://confidential.example/cb', postLogout],
    secrets: [...about.secrets, server.credential, secretClient.secret ?? ''],
  };
}

/** Lets one more person go the honest way: whatever requests before have used up is there again. */
export async function renewFacts(runtime: Runtime, place: Place): Promise<Facts> {
  const { door, tenant, server, client, secretClient } = place;
  const person = await addPerson(runtime, tenant);
  const tokens = await connect(door, { client, person, server, scope: 'openid tools' });
  const { code, verifier } = await authorize(door, { client, person, server });
  const { browser } = tokens;
  const asked = { code_challenge: newPkce().challenge, resource: server.resource, prompt: 'consent' };
  const consent = await browser.follow(await browser.get(authorizationUrl(door, client, asked)));
  const visitor = new Browser(door.origin);
  const login = await visitor.follow(await visitor.get(authorizationUrl(door, client, asked)));
  const logout = await browser.get(`${door.url}/logout`);
  const account = await browser.get(`${door.url}/account`);
  const [managed, doomed] = [await registerTestClient(door), await registerTestClient(door)];
  const link = await issueLink(runtime, tenant, { purpose: 'password-reset', userId: person.userId, origin: operator });
  if (!link.ok) throw new Error(`no link: ${link.problem}`);
  const sha256 = randomToken(32);
  await keepSelection(runtime.store, tenant.id, { sha256, document: '{}', expiresAt: new Date(Date.now() + 3_600_000) });
  const basic = (id: string, secret: string) => Buffer.from(`${id}:${secret}`).toString('base64');
  const facts = {
    Issuer: tenant.issuer,
    Origin: new URL(tenant.issuer).origin,
    ClientId: client.clientId,
    RedirectUri: client.redirectUri,
    PostLogoutUri: 'http://127.0.0.1:9/out',
    ManagedClientId: managed.clientId,
    ManagementToken: managed.managementToken,
    DoomedClientId: doomed.clientId,
    DoomedToken: doomed.managementToken,
    SecretClientId: secretClient.clientId,
    SecretRedirectUri: secretClient.redirectUri,
    ClientSecret: secretClient.secret ?? '',
    ClientBasic: basic(secretClient.clientId, secretClient.secret ?? ''),
    MetadataClientId: place.metadataClientId,
    TrapPort: String(place.trapPort),
    AccessToken: tokens.access_token,
    RefreshToken: tokens.refresh_token,
    IdToken: tokens.id_token ?? '',
    Code: code,
    CodeVerifier: verifier,
    Challenge: newPkce().challenge,
    Uid: uidOf(consent.text),
    LoginUid: uidOf(login.text),
    Cookies: cookiesOf(browser),
    LoginCookies: cookiesOf(visitor),
    ConsentId: /\/account\/consents\/([\w-]+)/.exec(account.text)?.[1] ?? '',
    FormToken: fieldOf(consent.text, 'form_token'),
    LoginFormToken: fieldOf(login.text, 'form_token'),
    Shown: fieldOf(consent.text, 'shown'),
    Xsrf: fieldOf(logout.text, 'xsrf'),
    Link: link.link.url.split('/').at(-1) ?? '',
    Sha256: sha256,
    Resource: server.resource,
    ServerId: server.serverId,
    ServerCredential: server.credential,
    ServerBasic: basic(server.serverId, server.credential),
    Email: person.email,
    Password: person.password,
    Assertion: 'eyJhbGciOiJFUzI1NiJ9.e30.AAAA',
  };
  for (const [name, value] of Object.entries(facts)) if (value === '') throw new Error(`the honest way led to no ${name}`);
  return facts;
}

function uidOf(html: string): string {
  return /\/interaction\/([\w-]+)/.exec(html)?.[1] ?? '';
}

function fieldOf(html: string, name: string): string {
  const fields = readForms(html).flatMap((form) => form.fields);
  return fields.find(([known]) => known === name)?.[1] ?? '';
}

function cookiesOf(browser: Browser): string {
  return [...browser.cookies].map(([name, { value }]) => `${name}=${value}`).join('; ');
}
