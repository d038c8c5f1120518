import { inflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import type { ServerId } from '../../src/domain/ids.ts';
import { createVerifier, type Verifier } from '../../src/resource-server/index.ts';
import { disableUser } from '../../src/services/disable-user.ts';
import { removeServer } from '../../src/services/remove-server.ts';
import { sweepExpired } from '../../src/services/sweep-expired.ts';
import { statusListLength } from '../../src/store/status.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { moveTime } from '../support/moved-time.ts';
import {
  claimsOf,
  connect,
  isActive,
  postForm,
  redeem,
  refresh,
  registerTestClient,
  type TestClient,
  type Tokens,
} from '../support/oauth-client.ts';
import { readForms } from '../support/person.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;
let client: TestClient;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer();
  client = await registerTestClient(issuer);
});
afterAll(() => issuer.stop());

type Connected = Awaited<ReturnType<typeof connect>>;

const operator = { actorType: 'operator' } as const;

/** How old the library lets a list be, with room for the issuer's own copy and a shared cache; less than the 15 s that pages promise. */
const boundSeconds = 12;

function verifierOf({ resource }: TestServer = server): Verifier {
  return createVerifier({ issuer: issuer.url, resource });
}

function indexOf(token: string): { idx: number; uri: string } {
  return (claimsOf(token).status as { status_list: { idx: number; uri: string } }).status_list;
}

/** The bit of a token in the list, as anybody reads it. */
async function bitOf(token: string): Promise<number> {
  const { idx, uri } = indexOf(token);
  const response = await fetch(uri);
  const { payload } = await jwtVerify(await response.text(), createRemoteJWKSet(new URL(`${issuer.url}/jwks`)), {
    typ: 'statuslist+jwt',
    subject: uri,
    issuer: issuer.url,
  });
  const bits = inflateSync(Buffer.from((payload.status_list as { lst: string }).lst, 'base64url'));
  return ((bits[idx >> 3] ?? 0) >> (idx & 7)) & 1;
}

/** Saves a change on the person's own page. */
async function change({ access_token: token, browser }: Connected, tools: readonly string[]): Promise<void> {
  const page = await browser.get(`${issuer.url}/account/consents/${String(claimsOf(token).consent)}`);
  const form = readForms(page.text).find(({ fields }) => fields.some(([name]) => name === 'shown'));
  const ticks = tools.map((tool): [string, string] => ['tool', tool]);
  const saved = await browser.post(form?.action ?? '', [...(form?.fields ?? []), ...ticks, ['do', 'save']]);
  expect(saved.status).toBe(303);
}

async function revokeOnPage({ access_token: token, browser }: Connected): Promise<void> {
  const page = await browser.get(`${issuer.url}/account/consents/${String(claimsOf(token).consent)}/revoke`);
  const [form] = readForms(page.text);
  expect((await browser.post(form?.action ?? '', form?.fields ?? [])).status).toBe(303);
}

describe('the list', () => {
  it('is signed by the issuer, of a fixed length, named by its URL, and not kept for long', async () => {
    const { access_token: token } = await connect(issuer, { client, person, server });
    const response = await issuer.send({ path: '/status/0' });
    expect(response.status).toBe(200);
    expect(response.headers['content-type']).toMatch(/^application\/statuslist\+jwt/);
    expect(response.headers['cache-control']).toBe('public, max-age=1');
    expect(response.headers['access-control-allow-origin']).toBe('*');
    const { payload, protectedHeader } = await jwtVerify(response.text, createRemoteJWKSet(new URL(`${issuer.url}/jwks`)));
    expect(protectedHeader).toMatchObject({ alg: 'ES256', typ: 'statuslist+jwt' });
    expect(payload).toMatchObject({ iss: issuer.url, sub: `${issuer.url}/status/0`, ttl: 10, status_list: { bits: 1 } });
    expect(Number(payload.exp) - Number(payload.iat)).toBe(300);
    expect(inflateSync(Buffer.from((payload.status_list as { lst: string }).lst, 'base64url'))).toHaveLength(statusListLength / 8);
    expect(indexOf(token).uri).toBe(payload.sub);
    expect(await bitOf(token)).toBe(0);
  });

  it.each([
    '/status/1',
    '/status/-1',
    '/status/00',
    '/status/0x0',
    '/status/1e1',
    '/status/999999999',
    '/status/',
    '/status',
    '/status/0/0',
  ])('there is none at %s', async (path) => {
    expect((await issuer.send({ path })).status).toBe(404);
  });

  it('gives indices at random, so that neighbours say nothing about each other', async () => {
    const indices: number[] = [];
    for (let installation = 0; installation < 3; installation += 1) {
      indices.push(indexOf((await connect(issuer, { client, person, server })).access_token).idx);
    }
    expect(new Set(indices).size).toBe(3);
    expect(Math.max(...indices) - Math.min(...indices)).toBeGreaterThan(3);
  });
});

describe('ABUSE-61, ENG-14: whatever ends or changes access turns the bit, and the real library refuses within its bound', () => {
  type Ending = (tokens: Connected, about: { own: TestClient; who: TestPerson; at: TestServer }) => Promise<unknown>;
  const endings: [string, Ending][] = [
    ['the person revokes it', (tokens) => revokeOnPage(tokens)],
    ['the person takes a tool away', (tokens) => change(tokens, ['list_issues'])],
    ['the person adds a tool', (tokens) => change(tokens, ['list_issues', 'create_issue', 'delete_issue'])],
    [
      'the client revokes the access token',
      (tokens, { own }) => postForm(issuer, '/revoke', { token: tokens.access_token, client_id: own.clientId }),
    ],
    [
      'ABUSE-53: the client revokes the refresh token',
      (tokens, { own }) => postForm(issuer, '/revoke', { token: tokens.refresh_token, client_id: own.clientId }),
    ],
    ['ABUSE-42: the code is replayed', (tokens, { own }) => redeem(issuer, own, tokens)],
    [
      'ABUSE-48: a refresh token is used again',
      async (tokens, { own }) => {
        const next = (await refresh(issuer, own, tokens.refresh_token)).json<Tokens>();
        await refresh(issuer, own, next.refresh_token);
        await refresh(issuer, own, tokens.refresh_token);
      },
    ],
    [
      'ABUSE-35: the account is disabled',
      (_, { who }) => disableUser(issuer.runtime, issuer.tenant, { userId: who.userId, origin: operator }),
    ],
    [
      'the server is removed',
      (_, { at }) => removeServer(issuer.runtime, issuer.tenant, { serverId: at.serverId as ServerId, origin: operator }),
    ],
  ];

  it.each(endings)('%s', async (_, end) => {
    const about = { own: await registerTestClient(issuer), who: await issuer.addPerson(), at: await issuer.addServer() };
    const decision = { tools: ['list_issues', 'create_issue'] };
    const tokens = await connect(issuer, { client: about.own, person: about.who, server: about.at, decision });
    const verifier = verifierOf(about.at);
    const header = `Bearer ${tokens.access_token}`;
    expect((await verifier.verify(header)).allows('create_issue')).toBe(true);
    await end(tokens, about);
    const time = moveTime();
    try {
      // The issuer's own copy is at most half a second old.
      time.forward(1);
      expect(await bitOf(tokens.access_token)).toBe(1);
      time.forward(boundSeconds - 1);
      await expect(verifier.verify(header)).rejects.toMatchObject({ code: 'invalid_token', reason: 'revoked' });
    } finally {
      time.restore();
    }
  });

  it('ABUSE-61: a verifier that has never seen the token refuses it at once', async () => {
    const tokens = await connect(issuer, { client, person, server });
    await postForm(issuer, '/revoke', { token: tokens.refresh_token, client_id: client.clientId });
    const time = moveTime();
    try {
      time.forward(1);
      await expect(verifierOf().verify(`Bearer ${tokens.access_token}`)).rejects.toMatchObject({ code: 'invalid_token' });
    } finally {
      time.restore();
    }
  });
});

describe('a fresh token', () => {
  it('never meets a list too old to know it: what comes after a change works at once, old lists and all', async () => {
    const own = await registerTestClient(issuer);
    const tokens = await connect(issuer, { client: own, person, server, decision: { tools: ['list_issues'] } });
    const verifier = verifierOf();
    await verifier.verify(`Bearer ${tokens.access_token}`);
    await change(tokens, ['list_issues', 'create_issue']);
    const next = (await refresh(issuer, own, tokens.refresh_token)).json<Tokens>();
    expect(indexOf(next.access_token)).not.toEqual(indexOf(tokens.access_token));
    expect((await verifier.verify(`Bearer ${next.access_token}`)).allows('create_issue')).toBe(true);
    expect(await bitOf(next.access_token)).toBe(0);
  });

  it('shares its index with its predecessors while nothing changes', async () => {
    const tokens = await connect(issuer, { client, person, server });
    const next = (await refresh(issuer, client, tokens.refresh_token)).json<Tokens>();
    expect(indexOf(next.access_token)).toEqual(indexOf(tokens.access_token));
  });
});

describe('sweeping', () => {
  it('ABUSE-61: revives nothing: a bit stands until the last token and the last list that show it are gone', async () => {
    const tokens = await connect(issuer, { client, person, server });
    await postForm(issuer, '/revoke', { token: tokens.access_token, client_id: client.clientId });
    const { idx } = indexOf(tokens.access_token);
    const isKept = async () => (await issuer.runtime.store.statusEntry.count({ where: { list: 0, index: idx } })) === 1;
    const time = moveTime();
    try {
      time.forward(890);
      await sweepExpired(issuer.runtime);
      expect(await bitOf(tokens.access_token)).toBe(1);
      expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
      time.forward(900);
      await sweepExpired(issuer.runtime);
      expect(await isKept()).toBe(true);
      time.forward(2_800);
      while ((await sweepExpired(issuer.runtime)) > 0);
      expect(await isKept()).toBe(false);
      expect(await isActive(issuer, server, tokens.access_token)).toBe(false);
    } finally {
      time.restore();
    }
  });

  it('an index in use is never drawn again, nor swept', async () => {
    const { access_token: token } = await connect(issuer, { client, person, server });
    const time = moveTime();
    try {
      time.forward(10 * 86_400);
      while ((await sweepExpired(issuer.runtime)) > 0);
      const { idx: index } = indexOf(token);
      expect(await issuer.runtime.store.statusEntry.count({ where: { list: 0, index, invalidAt: null } })).toBe(1);
    } finally {
      time.restore();
    }
  });
});
