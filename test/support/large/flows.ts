/** The flows of the product, one after the other, on a database that has grown: for whoever looks at the statements that they send. */
import { expect } from '@jest/globals';
import type { Client } from 'pg';
import { neverAllowedSeconds } from '../../../src/domain/client-use.ts';
import type { ApiKeyId, ClientId, ServerId } from '../../../src/domain/ids.ts';
import { blockClient } from '../../../src/services/block-client.ts';
import { findClientOverview } from '../../../src/services/describe-client.ts';
import { disableUser } from '../../../src/services/disable-user.ts';
import { endAllConsents } from '../../../src/services/end-all-consents.ts';
import { explainAccess } from '../../../src/services/explain-access.ts';
import { exportTenant } from '../../../src/services/export-tenant.ts';
import { issueLink } from '../../../src/services/issue-link.ts';
import { quarantineClient, verifyClient } from '../../../src/services/judge-client.ts';
import { keepAuditMonths } from '../../../src/services/keep-audit-months.ts';
import { listClients } from '../../../src/services/list-clients.ts';
import { listConsentsInForce } from '../../../src/services/list-consents.ts';
import { findServerByName } from '../../../src/services/list-servers.ts';
import { findUserOfEmail, listUsers } from '../../../src/services/list-users.ts';
import { revokeApiKey } from '../../../src/services/manage-api-keys.ts';
import { overrideToolRisk } from '../../../src/services/override-tool-risk.ts';
import { reapClients } from '../../../src/services/reap-clients.ts';
import { removeClient, resumeClientRemovals } from '../../../src/services/remove-client.ts';
import { removeServer, resumeServerRemovals } from '../../../src/services/remove-server.ts';
import { resealSecrets } from '../../../src/services/reseal-secrets.ts';
import { rotateDueKeys } from '../../../src/services/rotate-keys.ts';
import { readSealLagSeconds, sealAuditEvents } from '../../../src/services/seal-audit-events.ts';
import { type AuditFilter, searchAudit } from '../../../src/services/search-audit.ts';
import { beginSweep, readSweepLagSeconds, sweepExpired } from '../../../src/services/sweep-expired.ts';
import { listAuditEvents } from '../../../src/store/audit.ts';
import type { DocumentHost } from '../document-host.ts';
import { fillIn } from '../fill-in.ts';
import type { TestIssuer, TestPerson, TestServer } from '../issuer.ts';
import { askToken, makeApiKey, makeMachine } from '../machine.ts';
import { moveTime } from '../moved-time.ts';
import {
  changeRegistration,
  connect,
  isActive,
  postForm,
  redeem,
  refresh,
  registerTestClient,
  type TestClient,
  type Tokens,
} from '../oauth-client.ts';
import { Browser, linkNamed, type PageForm, readForms, signedIn, signInOn } from '../person.ts';
import { letPeopleDecide, makeGroup, moveMembers, putInForce } from '../policy.ts';
import { publishClient, requestOf, visit } from '../published-client.ts';
import { postReports, reportOf } from '../tool-reports.ts';
import { ownConsents } from './large-database.ts';

/** Where the flows take place. */
export interface LargeScene {
  issuer: TestIssuer;
  /** Hosts of documents that the issuer gets to. */
  hosts: DocumentHost;
  owner: Client;
  person: TestPerson;
  server: TestServer;
}

const all = { tools: ['list_issues', 'create_issue'] };
const origin = { actorType: 'operator' } as const;

/** Goes through them. */
export async function passThroughFlows(scene: LargeScene): Promise<void> {
  const client = await useTokens(scene);
  await misuseTokens(scene);
  await listForAdministrators(scene);
  await useMachines(scene);
  await useDocumentClient(scene);
  await manageRegistration(scene);
  await lookAround(scene);
  await useOwnAccount(scene);
  await useOwnKeys(scene);
  await decideAgain(scene);
  await judgeClients(scene);
  await changeWhoMay(scene);
  await changeServers(scene);
  await cleanUp(scene, client);
  await endEverything(scene);
}

/** An agent from its registration to its revocation. */
async function useTokens({ issuer, person, server }: LargeScene): Promise<TestClient> {
  const client = await registerTestClient(issuer);
  const tokens = await connect(issuer, { client, person, server });
  const next = (await refresh(issuer, client, tokens.refresh_token)).json<Tokens>();
  const browser = await signedIn(issuer, person);
  const { text } = await browser.get(`${issuer.url}/account`);
  await browser.get(linkNamed(text, 'Older connected agents') ?? '');
  await browser.get(`${issuer.url}/account/activity`);
  await browser.get(`${issuer.url}/status/0`);
  expect(await isActive(issuer, server, next.access_token)).toBe(true);
  await postForm(issuer, '/revoke', { token: next.refresh_token, client_id: client.clientId });
  return client;
}

/** What ends a connection: a code that comes twice, and a refresh token that comes again after its grace. */
async function misuseTokens({ issuer, person, server }: LargeScene): Promise<void> {
  const client = await registerTestClient(issuer);
  const replayed = await connect(issuer, { client, person, server });
  expect((await redeem(issuer, client, replayed)).status).toBe(400);
  const reused = await connect(issuer, { client, person, server });
  expect((await refresh(issuer, client, reused.refresh_token)).status).toBe(200);
  const time = moveTime();
  try {
    time.forward(60);
    expect((await refresh(issuer, client, reused.refresh_token)).status).toBe(400);
  } finally {
    time.restore();
  }
}

/** What administrators look at. */
async function listForAdministrators({ issuer: { runtime, tenant }, person, server }: LargeScene): Promise<void> {
  const page = await listConsentsInForce(runtime, tenant, { filter: {}, page: { limit: 100 } });
  await listConsentsInForce(runtime, tenant, { filter: {}, page: { limit: 100, ...(page.next && { after: page.next }) } });
  for (const filter of [{ clientId: page.overviews[0]?.consent.clientId }, { serverId: page.overviews[0]?.consent.serverId }]) {
    await listConsentsInForce(runtime, tenant, { filter: filter as object });
  }
  await listAuditEvents(runtime.store, tenant.id, 100);
  await exportTenant(runtime, tenant);
  await listUsers(runtime, tenant);
  const [user, asked] = [await findUserOfEmail(runtime, tenant, person.email), await findServerByName(runtime, tenant, server.serverId)];
  if (!user || !asked) throw new Error('there are a person and a server');
  for (const question of [{ server: asked.server }, { server: asked.server, user }]) {
    let explained = 0;
    for await (const _ of explainAccess(runtime, tenant, question)) explained += 1;
    expect(explained).toBeGreaterThanOrEqual(ownConsents);
  }
}

/** API keys and machine clients, and what servers report of them. */
async function useMachines({ issuer, person, server }: LargeScene): Promise<void> {
  const key = await makeApiKey(issuer, { server, ...all, owner: { userId: person.userId } });
  const machine = await makeMachine(issuer, { assigned: { server, ...all } });
  expect((await askToken(issuer, { clientId: machine.clientId, secret: machine.secret }, { resource: server.resource })).status).toBe(200);
  expect((await askToken(issuer, { clientId: key.id, secret: key.secret })).status).toBe(200);
  expect(await isActive(issuer, server, key.secret)).toBe(true);
  const tokens = await connect(issuer, { client: await registerTestClient(issuer), person, server });
  const reports = [reportOf(tokens), reportOf(tokens, { subject: person.userId, client: key.id, consent: undefined, status: undefined })];
  expect((await postReports(issuer, server, reports)).json()).toMatchObject({ accepted: 2 });
  await revokeApiKey(issuer.runtime, issuer.tenant, { id: key.id as ApiKeyId, reason: 'revoked-by-admin', origin });
}

/** An agent that is a document, which changes. */
async function useDocumentClient({ issuer, hosts, person, server }: LargeScene): Promise<void> {
  const { client, change } = publishClient(hosts);
  const { browser, refresh_token } = await connect(issuer, { client, person, server });
  expect((await refresh(issuer, client, refresh_token)).status).toBe(200);
  change({ client_name: 'Another name' });
  const time = moveTime();
  try {
    time.forward(3_600);
    expect((await visit(browser, requestOf(issuer, client, server))).text).toContain('This agent has changed');
    await connect(issuer, { client, person, server, browser });
  } finally {
    time.restore();
  }
}

/** A client changes its registration, and takes it back (RFC 7592). */
async function manageRegistration({ issuer, person, server }: LargeScene): Promise<void> {
  const client = await registerTestClient(issuer);
  await connect(issuer, { client, person, server });
  expect((await changeRegistration(issuer, client, { client_name: 'Another name' })).status).toBe(200);
  const headers = { Authorization: `Bearer ${client.managementToken}` };
  expect((await issuer.send({ method: 'DELETE', path: `/register/${client.clientId}`, headers })).status).toBe(204);
}

/** What people and administrators look at and look for. */
async function lookAround({ issuer, person, server }: LargeScene): Promise<void> {
  const { runtime, tenant } = issuer;
  const browser = await signedIn(issuer, person);
  const [agent] = await runtime.store.consent.findMany({ where: { userId: person.userId, endedAt: null }, take: 1 });
  for (const path of [
    '/activity',
    `/activity?agent=${agent?.clientId}`,
    `/consents/${agent?.id}`,
    `/consents/${agent?.id}/places`,
    `/consents/${agent?.id}/places?after=${Date.now()}.ins_1`,
    `/consents/${agent?.id}/places?before=1.ins_1`,
    '/keys/new?query=server',
    '/keys/new?query=server&after=srv_1',
    '/keys/new?before=srv_1',
  ]) {
    const { status } = await browser.get(`${issuer.url}/account${path}`);
    expect([path, status]).toEqual([path, 200]);
  }
  const filters: AuditFilter[] = [
    { userId: person.userId },
    { clientIds: [agent?.clientId as ClientId] },
    { serverId: server.serverId as ServerId },
    { tool: 'list_issues' },
    { apiKeyId: 'key_1' },
    { types: ['token.issued'] },
    { outcome: 'failure' },
    { since: new Date(Date.now() - 60_000), until: new Date() },
  ];
  for (const filter of filters) await searchAudit(runtime, tenant, { filter, limit: 50 });
  await listClients(runtime, tenant, { limit: 50 });
}

/** A link to a new password, a change of it, a wrong one, sign-out. */
async function useOwnAccount({ issuer }: LargeScene): Promise<void> {
  const someone = await issuer.addPerson();
  const link = await issueLink(issuer.runtime, issuer.tenant, { purpose: 'password-reset', userId: someone.userId, origin });
  if (!link.ok) throw new Error(link.problem);
  const browser = new Browser(issuer.origin);
  const submit = async (address: string, typed: Record<string, string>) => {
    const [form] = readForms((await browser.get(address)).text);
    return (await browser.post(form?.action ?? '', fillIn(form, typed))).status;
  };
  const [first, second] = ['four words of one’s own', 'four other words of hers'];
  expect(await submit(link.link.url, { password: first })).toBe(303);
  expect(await submit(`${issuer.url}/account/password`, { current: first, password: second })).toBe(303);
  expect(await submit(`${issuer.url}/account/sign-out`, { logout: 'yes' })).toBe(303);
  const page = await browser.get(`${issuer.url}/account`);
  expect((await signInOn(browser, page, { ...someone, password: first })).text).toContain('Email or password is wrong.');
  expect((await signInOn(browser, page, { ...someone, password: second })).text).toContain('Connected agents');
}

/** An API key that a person makes, replaces and revokes. */
async function useOwnKeys({ issuer, server }: LargeScene): Promise<void> {
  const person = await issuer.addPerson();
  const browser = await signedIn(issuer, person);
  const keys = `${issuer.url}/account/keys`;
  const submit = async (address: string, typed: Record<string, string>) => {
    const [form] = readForms((await browser.get(address)).text);
    return (await browser.post(form?.action ?? '', fillIn(form, typed))).status;
  };
  expect(await submit(`${keys}/new?server=${server.serverId}`, { name: 'Nightly', tool: 'list_issues', do: 'save' })).toBe(200);
  const { id } = await issuer.runtime.store.apiKey.findFirstOrThrow({ where: { userId: person.userId } });
  expect(await submit(`${keys}/${id}/replace`, {})).toBe(200);
  expect(await submit(`${keys}/${id}/revoke`, {})).toBe(303);
}

/** What an administrator looks at and says of an agent. */
async function judgeClients({ issuer: { runtime, tenant } }: LargeScene): Promise<void> {
  const judging = { clientId: 'cli_1' as ClientId, origin };
  expect((await findClientOverview(runtime, tenant, judging.clientId))?.standing.consents).toBeGreaterThan(1);
  await verifyClient(runtime, tenant, judging);
  await quarantineClient(runtime, tenant, { ...judging, seconds: 60 });
}

/** What a person decides at `/account` about an agent that she connected. */
async function decideAgain({ issuer, server }: LargeScene): Promise<void> {
  const person = await issuer.addPerson();
  const client = await registerTestClient(issuer);
  const { browser } = await connect(issuer, { client, person, server });
  await connect(issuer, { client, person, server });
  const press = async (address: string, isWanted: (form: PageForm) => boolean, typed: Record<string, string> = {}) => {
    const form = readForms((await browser.get(address)).text).find(isWanted);
    expect([address, (await browser.post(form?.action ?? '', fillIn(form, typed))).status]).toEqual([address, 303]);
  };
  const { id } = await issuer.runtime.store.consent.findFirstOrThrow({ where: { userId: person.userId } });
  const [account, own] = [`${issuer.url}/account`, `${issuer.url}/account/consents/${id}`];
  const endsWith = (end: string) => (form: PageForm) => form.action.endsWith(end);
  expect((await browser.get(`${issuer.url}/widen?consent=${id}&tool=delete_issue`)).status).toBe(200);
  await press(account, endsWith('/end'));
  await press(account, endsWith('/pause'));
  await press(account, endsWith('/resume'));
  await press(`${own}/time?tool=list_issues`, () => true, { duration: '1h' });
  await press(own, endsWith(id), { tool: 'list_issues', do: 'save' });
  await press(`${own}/revoke`, () => true);
}

/** What an administrator changes, with all that it ends. */
async function changeWhoMay({ issuer, server }: LargeScene): Promise<void> {
  const other = await issuer.addPerson();
  await connect(issuer, { client: await registerTestClient(issuer), person: other, server });
  await makeGroup(issuer, 'makers', other);
  await putInForce(issuer, { ...letPeopleDecide, groups: ['makers'] });
  await moveMembers(issuer, 'makers', { remove: [other] });
  await putInForce(issuer, letPeopleDecide);
  await disableUser(issuer.runtime, issuer.tenant, { userId: other.userId, origin });
}

/** A server that some people use: a tool of it is riskier than it says, and then the server goes. */
async function changeServers({ issuer, person }: LargeScene): Promise<void> {
  const { runtime, tenant } = issuer;
  const server = await issuer.addServer();
  await connect(issuer, { client: await registerTestClient(issuer), person, server });
  const serverId = server.serverId as ServerId;
  const override = { risk: 'destructive' as const, openWorld: true };
  await overrideToolRisk(runtime, tenant, { serverId, tool: 'list_issues', override, origin });
  await removeServer(runtime, tenant, { serverId, origin });
  await resumeServerRemovals(runtime);
}

async function cleanUp({ issuer }: LargeScene, client: TestClient): Promise<void> {
  const { runtime, tenant } = issuer;
  await sweepExpired(runtime, { ...beginSweep() });
  await readSweepLagSeconds(runtime);
  // One is due to go, so that what removes it is among them.
  const old = new Date(Date.now() - 2 * neverAllowedSeconds * 1_000);
  const due = { id: (await registerTestClient(issuer)).clientId };
  await runtime.store.client.updateMany({ where: due, data: { createdAt: old, reapAfter: old } });
  await reapClients(runtime);
  expect(await runtime.store.client.count({ where: due })).toBe(0);
  await removeClient(runtime, tenant, { clientId: client.clientId as ClientId, origin });
  await resumeClientRemovals(runtime);
  await blockClient(runtime, tenant, { clientId: (await registerTestClient(issuer)).clientId as ClientId, origin });
  expect(await sealAuditEvents(runtime)).toBeGreaterThan(0);
  await readSealLagSeconds(runtime);
  await keepAuditMonths(runtime);
  await resealSecrets(runtime);
  await runtime.store.signingKey.updateMany({ where: { state: 'next' }, data: { createdAt: old, changesAt: old } });
  expect(await rotateDueKeys(runtime)).toBeGreaterThan(0);
}

/** A small tenant beside the large one, in which everything is ended at once. */
async function endEverything({ issuer }: LargeScene): Promise<void> {
  const small = await issuer.addTenant('small');
  const [person, server] = [await small.addPerson(), await small.addServer()];
  await connect(small, { client: await registerTestClient(small), person, server });
  await makeApiKey(small, { server, ...all, owner: { userId: person.userId } });
  await issueLink(small.runtime, small.tenant, { purpose: 'password-reset', userId: person.userId, origin });
  expect(await endAllConsents(small.runtime, small.tenant, { origin })).toBe(1);
}
