import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createVerifier } from '../../src/resource-server/index.ts';
import { createTenant } from '../../src/services/create-tenant.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { fetchFrom } from '../support/issuer-fetch.ts';
import { authorize, claimsOf, connect, refresh, registerTestClient, type TestClient } from '../support/oauth-client.ts';
import { Browser, signInOn } from '../support/person.ts';
import { sendRaw } from '../support/raw-connection.ts';

/** A tenant with what a flow needs. */
interface Scene {
  at: TestIssuer;
  person: TestPerson;
  server: TestServer;
  client: TestClient;
}

const resource = 'https://tracker.example/mcp';
let root: TestIssuer;
let scenes: Record<'root' | 'acme' | 'beta' | 'own' | 'deep', Scene>;

async function sceneAt(at: TestIssuer): Promise<Scene> {
  const [person, server, client] = await Promise.all([at.addPerson(), at.addServer(undefined, resource), registerTestClient(at)]);
  return { at, person, server, client };
}

beforeAll(async () => {
  root = await startIssuer();
  const port = root.origin.port;
  const [acme, beta, own, deep] = [
    await root.addTenant('acme'),
    await root.addTenant('beta'),
    await root.addTenant('own', `http://127.0.0.2:${port}`),
    await root.addTenant('deep', `http://127.0.0.3:${port}/mcp/login`),
  ];
  scenes = {
    root: await sceneAt(root),
    acme: await sceneAt(acme),
    beta: await sceneAt(beta),
    own: await sceneAt(own),
    deep: await sceneAt(deep),
  };
});
afterAll(() => root.stop());

const tenants = ['acme', 'own', 'deep'] as const;

/** A request as it is, below nothing. */
async function get(path: string, host: string = root.origin.host): Promise<{ status: number; text: string }> {
  const text = await sendRaw(root.origin.port, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), text };
}

describe.each(tenants)('the tenant %s', (name) => {
  it('MCP-2, MCP-3, MCP-4, ENG-21: is described at each address that clients try, and names itself to the character', async () => {
    const { at } = scenes[name];
    const { host, pathname } = new URL(at.url);
    const path = pathname === '/' ? '' : pathname;
    const forms = ['oauth-authorization-server', 'openid-configuration'].flatMap((form) => [
      `${path}/.well-known/${form}`,
      `/.well-known/${form}${path}`,
    ]);
    for (const form of forms) {
      const { status, text } = await get(form, host);
      expect([form, status]).toEqual([form, 200]);
      const metadata = JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4)) as Record<string, unknown>;
      expect(metadata['issuer']).toBe(at.url);
      for (const [member, value] of Object.entries(metadata)) {
        if (/_endpoint$|_uri$/.test(member)) expect([member, String(value).startsWith(`${at.url}/`)]).toEqual([member, true]);
      }
    }
  });

  it('MCP-6, MCP-35, ABUSE-23, ABUSE-58: takes a person from sign-in to tokens that the library accepts by the issuer URL alone', async () => {
    const { at, person, server, client } = scenes[name];
    const authorized = await authorize(at, { client, person, server });
    expect(authorized.location.searchParams.getAll('iss')).toEqual([at.url]);
    const tokens = await connect(at, { client, person, server, decision: { tools: ['list_issues'] } });
    expect(claimsOf(tokens.access_token)).toMatchObject({ iss: at.url, status: { status_list: { uri: `${at.url}/status/0` } } });
    const verifier = createVerifier({ issuer: at.url, resource, fetch: fetchFrom(at) });
    const access = await verifier.verify(`Bearer ${tokens.access_token}`);
    expect([access.allows('list_issues'), access.allows('delete_issue')]).toEqual([true, false]);
    const refreshed = await refresh(at, client, tokens.refresh_token);
    expect(refreshed.status).toBe(200);
    expect(claimsOf(refreshed.json<{ access_token: string }>().access_token)).toMatchObject({ iss: at.url });
    const asking = createVerifier({
      issuer: at.url,
      resource,
      credential: { id: server.serverId, secret: server.credential },
      introspection: 'always',
      fetch: fetchFrom(at),
    });
    expect((await asking.verify(`Bearer ${tokens.access_token}`)).allows('list_issues')).toBe(true);
  });

  it('shows every page with links that stay its own', async () => {
    const { at, person, server, client } = scenes[name];
    await connect(at, { client, person, server });
    const browser = new Browser(at.origin);
    const account = await signInOn(browser, await browser.get(`${at.url}/account`), person);
    const change = /href="([^"]+\/account\/consents\/[^"/]+)"/.exec(account.text)?.[1] ?? '';
    for (const address of [
      `${at.url}`,
      `${at.url}/account`,
      change,
      `${change}/revoke`,
      `${at.url}/account/password`,
      `${at.url}/nothing`,
    ]) {
      const page = await browser.get(address);
      expect([address, page.status]).toEqual([address, address.endsWith('nothing') ? 404 : 200]);
      const links = [...page.text.matchAll(/(?:href|action|formaction|src)="([^"#]+)/g)].map(([, target]) => target ?? '');
      expect(links.length).toBeGreaterThan(0);
      for (const link of links) expect([address, link.startsWith(at.url)]).toEqual([address, true]);
    }
    for (const [cookie] of browser.cookies) expect(cookie).toContain(`-${at.tenant.slug}`);
  });
});

describe('what is nobody’s', () => {
  it.each([
    '/t/nobody/jwks',
    '/t/nobody/.well-known/openid-configuration',
    '/.well-known/openid-configuration/t/nobody',
    '/.well-known/oauth-authorization-server/t',
    '/.well-known/oauth-authorization-server/t/acme/',
    '/.well-known/oauth-authorization-server/t/acme/x',
    '/.well-known/oauth-authorization-server//t/acme',
    '/.well-known/jwks/t/acme',
    '/t/ACME/jwks',
    '/T/acme/jwks',
    '/t//acme/jwks',
    '/t/acme//jwks',
    '/t/acme/../beta/jwks',
    '/t/acme/..%2fbeta/jwks',
    '/t/acme/%2e%2e/beta/jwks',
    '/t/acme/%2e%2e/jwks',
    '/t/./acme/jwks',
    '/t/acme/./jwks',
    '/t/acm%65/jwks',
    '/t%2facme/jwks',
    '/t/acme%2fjwks',
    '/t/acme%00/jwks',
    '/t/acme;x/jwks',
    '/t/acme\\jwks',
    '/x/../t/acme/jwks',
    '/t/acme/t/acme/jwks',
    '/t/acme/t/beta/jwks',
    '/t/root/jwks',
    '/t/jwks',
    '/t',
    '/t/',
    '/acme/jwks',
  ])('ABUSE-58: %s is not found', async (path) => {
    expect((await get(path)).status).toBe(404);
  });

  it('ABUSE-58: a tenant’s path at another host, and the base’s path at a tenant’s host, are not found', async () => {
    const { own, deep } = scenes;
    expect((await get('/t/acme/jwks', own.at.origin.host)).status).toBe(404);
    expect((await get('/.well-known/openid-configuration/t/acme', own.at.origin.host)).status).toBe(404);
    expect((await get('/jwks', deep.at.origin.host)).status).toBe(404);
    expect((await get('/mcp/login/jwks')).status).toBe(404);
    expect((await get('/mcp/login/jwks', own.at.origin.host)).status).toBe(404);
    expect((await get('/.well-known/openid-configuration', deep.at.origin.host)).status).toBe(404);
    expect((await get('/mcp/loginx/jwks', deep.at.origin.host)).status).toBe(404);
  });

  it('ABUSE-57, ENG-20: a host that no tenant has is misdirected, however it is spelled', async () => {
    const { port } = root.origin;
    for (const host of [
      `127.0.0.2.:${port}`,
      '127.0.0.2',
      `127.0.0.2:0${port}`,
      `127.0.0.4:${port}`,
      `127.0.0.2:${port}.evil`,
      '[::1]',
      '127.2',
    ]) {
      for (const path of ['/jwks', '/t/acme/jwks', '/mcp/login/jwks']) expect([host, (await get(path, host)).status]).toEqual([host, 421]);
    }
    expect((await get(`http://127.0.0.2:${port}/jwks`)).status).toBe(421);
    const two = await sendRaw(
      port,
      `GET /jwks HTTP/1.1\r\nHost: ${root.origin.host}\r\nHost: 127.0.0.2:${port}\r\nConnection: close\r\n\r\n`,
    );
    expect(two).toMatch(/^HTTP\/1\.1 421/);
  });

  it('ABUSE-57: whoever watches the process may call it by any name', async () => {
    for (const host of [root.origin.host, scenes.own.at.origin.host, 'nobody.example']) {
      expect((await get('/healthz', host)).status).toBe(200);
      expect((await get('/readyz', host)).status).toBe(200);
    }
  });

  it('costs the database two small queries per second at most, and no memory', async () => {
    const { runtime, directory, sites } = root;
    let reads = 0;
    const counting = runtime.store.tenant.findMany;
    const before = [directory.size(), sites.size()];
    Object.assign(runtime.store.tenant, {
      findMany: (...args: Parameters<typeof counting>) => {
        reads += 1;
        return counting.apply(runtime.store.tenant, args);
      },
    });
    // The last look is old enough for another one.
    await new Promise((resolve) => setTimeout(resolve, 600));
    const startedAt = Date.now();
    try {
      await Promise.all(
        Array.from({ length: 300 }, (_, index) =>
          index % 2 === 0 ? get(`/t/nobody-${index}/jwks`) : get('/jwks', `nobody-${index}.example`),
        ),
      );
    } finally {
      Object.assign(runtime.store.tenant, { findMany: counting });
    }
    expect(reads).toBeGreaterThan(0);
    expect(reads).toBeLessThanOrEqual(2 + Math.ceil((Date.now() - startedAt) / 500));
    expect([directory.size(), sites.size()]).toEqual(before);
  });
});

describe('a tenant that is made while issuers run', () => {
  it('is served by all of them without a restart, though they have just said that it is not there', async () => {
    const second = await startIssuer({ beside: root });
    try {
      const path = '/t/late/.well-known/openid-configuration';
      const at = (issuer: TestIssuer) => async () => (await issuer.send({ path })).status;
      expect([await at(root)(), await at(second)()]).toEqual([404, 404]);
      const made = await createTenant(root.runtime, { slug: 'late', name: 'Late', origin: { actorType: 'operator' } });
      expect(made.ok).toBe(true);
      await Promise.all([until(at(root), 200), until(at(second), 200)]);
    } finally {
      await second.stop();
    }
  });

  it('is built once for requests that come together, and anew after a build that failed', async () => {
    const { runtime } = root;
    const made = await createTenant(runtime, { slug: 'broken', name: 'Broken', origin: { actorType: 'operator' } });
    if (!made.ok) throw new Error(JSON.stringify(made.problem));
    await root.directory.refresh();
    const key = await runtime.store.signingKey.findFirstOrThrow({ where: { tenantId: made.tenant.id } });
    const change = (sealedPrivateJwk: string | null) =>
      runtime.store.signingKey.updateMany({ where: { tenantId: made.tenant.id, kid: key.kid }, data: { sealedPrivateJwk } });
    const jwks = () => root.send({ path: '/t/broken/jwks' });
    await change(`${key.sealedPrivateJwk?.slice(0, -8)}AAAAAAAA`);
    const failed = await Promise.all([jwks(), jwks(), jwks()]);
    expect(failed.map(({ status }) => status)).toEqual([500, 500, 500]);
    expect((await root.send({ path: '/jwks' })).status).toBe(200);
    await change(key.sealedPrivateJwk);
    const answers = await Promise.all(Array.from({ length: 10 }, jwks));
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
  });
});

describe('a process that keeps one tenant ready at a time', () => {
  it('ENG-21: lets none of the requests suffer that come for several in turn', async () => {
    const small = await startIssuer({ beside: root, app: { maxTenants: 1 } });
    try {
      const { acme, beta } = scenes;
      const inSmall = ({ at, ...rest }: Scene): Scene => ({
        ...rest,
        at: {
          ...at,
          origin: { ...at.origin, port: small.origin.port },
          send: (request) => small.send({ ...request, path: `/t/${at.tenant.slug}${request.path}` }),
        },
      });
      await small.directory.refresh();
      // One person answers one page at a time; the two tenants take each other's place all the while.
      const connectTwice = async ({ at, person, server, client }: Scene) => {
        for (let times = 0; times < 2; times += 1) {
          const { access_token: token } = await connect(at, { client, person, server });
          expect(claimsOf(token)['iss']).toBe(at.url);
        }
      };
      await Promise.all([connectTwice(inSmall(acme)), connectTwice(inSmall(beta))]);
      expect(small.sites.size()).toBe(1);
    } finally {
      await small.stop();
    }
  });
});

/** Asks until the answer is the one, for ten seconds at most. */
async function until(ask: () => Promise<number>, wanted: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  let last = await ask();
  while (last !== wanted) {
    if (Date.now() > deadline) throw new Error(`still ${last} instead of ${wanted}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    last = await ask();
  }
}
