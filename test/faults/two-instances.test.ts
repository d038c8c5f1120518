/** Two instances on one database: what is decided at one counts at the other, though nobody tells it. */
import { inflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import type { ClientId, ConsentId, ServerId } from '../../src/domain/ids.ts';
import { readTools } from '../../src/domain/read-tools.ts';
import { applyCatalogue } from '../../src/services/apply-catalogue.ts';
import { disableUser } from '../../src/services/disable-user.ts';
import { endConsent } from '../../src/services/end-consent.ts';
import { hearOfTools } from '../../src/services/hear-of-tools.ts';
import { overrideToolRisk } from '../../src/services/override-tool-risk.ts';
import { prepareConsent } from '../../src/services/prepare-consent.ts';
import { removeClient } from '../../src/services/remove-client.ts';
import { removeServer } from '../../src/services/remove-server.ts';
import { rotateServerCredential } from '../../src/services/rotate-server-credential.ts';
import { transact } from '../../src/store/client.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import {
  authorizationUrl,
  authorize,
  basic,
  claimsOf,
  connect,
  isActive,
  newPkce,
  postForm,
  redeem,
  refresh,
  registerTestClient,
  type TestClient,
  type Tokens,
} from '../support/oauth-client.ts';
import { answerConsent, Browser, readForms, signInOn } from '../support/person.ts';
import { letPeopleDecide, putInForce } from '../support/policy.ts';

const operator = { actorType: 'operator' } as const;
let first: TestIssuer;
let second: TestIssuer;
beforeAll(async () => {
  first = await startIssuer();
  second = await startIssuer({ beside: first });
});
afterAll(async () => {
  await second.stop();
  await first.stop();
});

interface Scene {
  person: TestPerson;
  server: TestServer;
  client: TestClient;
  tokens: Awaited<ReturnType<typeof connect>>;
  consentId: ConsentId;
}

async function setScene(): Promise<Scene> {
  const [person, server, client] = [await first.addPerson(), await first.addServer(), await registerTestClient(first)];
  const tokens = await connect(first, { client, person, server });
  return { person, server, client, tokens, consentId: claimsOf(tokens.access_token).consent as ConsentId };
}

/** The bit of a token in the list that an instance serves. */
async function bitAt(issuer: TestIssuer, token: string): Promise<number> {
  const { idx, uri } = (claimsOf(token).status as { status_list: { idx: number; uri: string } }).status_list;
  const { text } = await issuer.send({ path: new URL(uri).pathname });
  const { status_list: list } = decodeJwt<{ status_list: { lst: string } }>(text);
  return ((inflateSync(Buffer.from(list.lst, 'base64url'))[idx >> 3] ?? 0) >> (idx & 7)) & 1;
}

type Act = (scene: Scene) => Promise<unknown>;

const endings: [what: string, act: Act][] = [
  [
    'a consent that is ended',
    ({ consentId }) => endConsent(first.runtime, first.tenant, { consentId, reason: 'ended-by-admin', origin: operator }),
  ],
  [
    'a client that is removed',
    ({ client }) => removeClient(first.runtime, first.tenant, { clientId: client.clientId as ClientId, origin: operator }),
  ],
  ['a person who is disabled', ({ person }) => disableUser(first.runtime, first.tenant, { userId: person.userId, origin: operator })],
  [
    'a server that is removed',
    ({ server }) => removeServer(first.runtime, first.tenant, { serverId: server.serverId as ServerId, origin: operator }),
  ],
  [
    'a refresh token that its client revokes',
    ({ client, tokens }) => postForm(first, '/revoke', { token: tokens.refresh_token, client_id: client.clientId }),
  ],
  [
    'a refresh token that is used twice',
    async ({ client, tokens }) => {
      const next = (await refresh(first, client, tokens.refresh_token)).json<Tokens>();
      await refresh(first, client, next.refresh_token);
      await refresh(first, client, tokens.refresh_token);
    },
  ],
];

describe('ABUSE-84: at the other instance', () => {
  it.each(endings)('%s is over at once for refreshes and introspection, within a second in the status list', async (_what, act) => {
    const scene = await setScene();
    const { client, server, tokens } = scene;
    const isServed = async () => {
      const { status, text } = await postForm(
        second,
        '/introspect',
        { token: tokens.access_token },
        basic(server.serverId, server.credential),
      );
      return status === 200 && (JSON.parse(text) as { active: boolean }).active;
    };
    // Whatever the second one remembers of them, it does so from now on.
    expect([await isServed(), await bitAt(second, tokens.access_token)]).toEqual([true, 0]);
    await act(scene);
    expect(await isServed()).toBe(false);
    expect((await refresh(second, client, tokens.refresh_token)).status).toBeGreaterThanOrEqual(400);
    // Nothing reaches the second meanwhile: its first answer after a second is the one that counts.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(await bitAt(second, tokens.access_token)).toBe(1);
  });

  const reading = (annotations: object) => ({ name: 'list_issues', annotations, inputSchema: { type: 'object' } });
  const honest = { readOnlyHint: true, openWorldHint: false };
  const read = ({ server }: Scene, ...entries: object[]) =>
    transact(first.runtime.store, (db) => {
      const serverId = server.serverId as ServerId;
      return applyCatalogue(first.runtime, db, { tenant: first.tenant, serverId, read: readTools(entries).tools, origin: operator });
    });
  const narrowings: [what: string, act: Act, kept: string[]][] = [
    ['a tool that its server claims worse of', (scene) => read(scene, reading({})), []],
    ['a tool that its server has no longer', (scene) => read(scene, { ...reading(honest), name: 'another' }), []],
    [
      'a tool that its server reports worse of',
      ({ server }) => hearOfTools(first.runtime, first.tenant, { serverId: server.serverId as ServerId, tools: [reading({})] }),
      [],
    ],
    [
      'a risk that an administrator sets',
      ({ server }) => {
        const override = { risk: 'destructive' as const, openWorld: true };
        const serverId = server.serverId as ServerId;
        return overrideToolRisk(first.runtime, first.tenant, { serverId, tool: 'list_issues', override, origin: operator });
      },
      [],
    ],
    [
      'a rule that denies',
      ({ server }) => putInForce(first, letPeopleDecide, { name: 'none', effect: 'deny', servers: [server.resource] }),
      // It stands, and waits: on the page it is kept unless it is unticked.
      ['list_issues'],
    ],
  ];
  it.each(narrowings)('ABUSE-61: %s ends tokens at once, and the next ones go without', async (_what, act, kept) => {
    const scene = await setScene();
    const { person, client, server } = scene;
    await read(scene, reading(honest));
    const request = { userId: person.userId, clientId: client.clientId as ClientId, resource: server.resource, requestedScope: 'tools' };
    const offered = async () => {
      const proposal = await prepareConsent(second.runtime, second.tenant, request);
      return proposal.ok ? proposal.value.tools.filter(({ ticked, isHeld }) => ticked && !isHeld).map(({ tool }) => tool.name) : [];
    };
    const tokens = await connect(first, { client, person, server, decision: { tools: ['list_issues'] } });
    expect([tokens.scope, await offered()]).toEqual(['tool:list_issues', ['list_issues']]);
    expect([await isActive(second, server, tokens.access_token), await bitAt(second, tokens.access_token)]).toEqual([true, 0]);
    try {
      await act(scene);
      expect(await isActive(second, server, tokens.access_token)).toBe(false);
      expect((await refresh(second, client, tokens.refresh_token)).json<Tokens>().scope).toBe('');
      expect(await offered()).toEqual(kept);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      expect(await bitAt(second, tokens.access_token)).toBe(1);
    } finally {
      await putInForce(first, letPeopleDecide);
    }
  });

  it('a consent that is narrowed is narrow in the next token', async () => {
    const { person, server, client, tokens } = await setScene();
    expect(String(tokens.scope)).toContain('tool:create_issue');
    await authorize(first, {
      client,
      person,
      server,
      browser: tokens.browser,
      parameters: { prompt: 'consent' },
      decision: { tools: ['list_issues'] },
    });
    const next = (await refresh(second, client, tokens.refresh_token)).json<Tokens>();
    expect(next.scope).toBe('tool:list_issues');
  });

  it('a server’s old credential is worth nothing as soon as there is a new one', async () => {
    const { server, tokens } = await setScene();
    expect(await isActive(second, server, tokens.access_token)).toBe(true);
    const serverId = server.serverId as ServerId;
    const rotated = await rotateServerCredential(first.runtime, first.tenant, { serverId, origin: operator });
    if (!rotated.ok) throw new Error(rotated.problem);
    const shown = await postForm(second, '/introspect', { token: tokens.access_token }, basic(serverId, server.credential));
    expect(shown.status).toBe(401);
    expect(await isActive(second, { ...server, credential: rotated.credential }, tokens.access_token)).toBe(true);
  });

  it('a sign-in counts, and so does its end; a request that began here ends there', async () => {
    const { person, server, client } = await setScene();
    const browser = new Browser(first.origin);
    // The same browser, led to the other instance by a balancer.
    const there = new Browser({ ...second.origin, host: first.origin.host });
    const carry = (from: Browser, to: Browser) => {
      to.cookies.clear();
      for (const [name, cookie] of from.cookies) to.cookies.set(name, cookie);
    };
    const { verifier, challenge } = newPkce();
    const url = authorizationUrl(first, client, { resource: server.resource, code_challenge: challenge });
    const login = await browser.follow(await browser.get(url));
    carry(browser, there);
    const consent = await signInOn(there, login, person);
    carry(there, browser);
    const page = consent.text.includes('Allow') ? await answerConsent(browser, consent, {}) : consent;
    const away = await browser.follow(page);
    const code = new URL(away.headers.location ?? '').searchParams.get('code') ?? '';
    expect((await redeem(second, client, { code, verifier })).status).toBe(200);
    expect((await redeem(first, client, { code, verifier })).status).toBe(400);

    carry(browser, there);
    expect((await there.get(`${first.url}/account`)).text).toContain('Connected agents');
    const signOut = await browser.get(`${first.url}/logout`);
    const [form] = readForms(signOut.text);
    await browser.post(form?.action ?? '', [...(form?.fields ?? []), ['logout', 'yes']]);
    expect((await there.get(`${first.url}/account`)).text).toContain('name="password"');
  });

  it('a tenant that is made here is served there, and its people are its own', async () => {
    const acme = await first.addTenant('acme-of-two');
    const person = await acme.addPerson();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const { pathname } = new URL(acme.url);
    const metadata = await second.send({ path: `/.well-known/oauth-authorization-server${pathname}` });
    expect(metadata.json()).toMatchObject({ issuer: acme.url });
    const browser = new Browser({ ...second.origin, host: first.origin.host });
    const account = await signInOn(browser, await browser.get(`${acme.url}/account`), person);
    expect(account.text).toContain('Connected agents');
  });
});
