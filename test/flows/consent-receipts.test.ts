/** Consent receipts: a person downloads a signed record of what she allowed, and anybody can verify it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, customFetch, jwtVerify } from 'jose';
import { problemOf, runCommand, settingsFor } from '../support/command.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { fetchFrom } from '../support/issuer-fetch.ts';
import { authorize, claimsOf, connect, registerTestClient, type TestClient } from '../support/oauth-client.ts';
import { type Browser, readForms } from '../support/person.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;
let client: TestClient;
let browser: Browser;
let consentId: string;
let folder: string;

beforeAll(async () => {
  issuer = await startIssuer();
  person = await issuer.addPerson();
  server = await issuer.addServer();
  client = await registerTestClient(issuer, { client_name: 'Claude' });
  ({ browser } = await connect(issuer, { client, person, server, decision: { tools: ['list_issues'] } }));
  [, consentId = ''] = /\/account\/consents\/(cns_[\w-]+)/.exec((await browser.get('/account')).text) ?? [];
  folder = await mkdtemp(join(tmpdir(), 'receipt-'));
});
afterAll(async () => {
  await issuer.stop();
  await rm(folder, { recursive: true });
});

const download = (by: Browser = browser) => by.get(`/account/consents/${consentId}/receipt`);
const keep = async (text: string) => {
  const path = join(folder, 'receipt.jwt');
  await writeFile(path, text);
  return path;
};
const verify = (...args: string[]) =>
  runCommand(['audit', 'verify', ...args], {
    env: { ...settingsFor(issuer.database), TOOLGRANT_ISSUER: issuer.url, TOOLGRANT_SECRET: issuer.secret },
  });

describe('a consent receipt', () => {
  it('is offered where a person changes what an agent may do, and says what she allowed', async () => {
    expect((await browser.get(`/account/consents/${consentId}`)).text).toContain(`/account/consents/${consentId}/receipt"`);
    const answer = await download();
    expect([answer.status, answer.headers['content-type'], answer.headers['cache-control']]).toEqual([200, 'application/jwt', 'no-store']);
    expect(answer.headers['content-disposition']).toBe(`attachment; filename="${consentId}-1.jwt"`);
    expect(claimsOf(answer.text)).toMatchObject({
      iss: issuer.url,
      sub: person.userId,
      jti: `${consentId}.1`,
      pii_principal: { id: person.userId, email: person.email },
      recipient: { client_id: client.clientId, client_name: 'Claude' },
      service: { resource: server.resource },
      permissions: {
        tools: [{ name: 'list_issues', risk: 'read', digest: expect.any(String), valid_until: null }],
        resources: false,
        prompts: false,
      },
      event: { state: 'given' },
      withdrawal: `${issuer.url}/account/consents/${consentId}/revoke`,
    });
  });

  it('of a paused agent says so, and allows nothing', async () => {
    const pressed = async (end: string) => {
      const form = readForms((await browser.get('/account')).text).find(({ action }) => action.endsWith(`${consentId}/${end}`));
      await browser.post(form!.action, form!.fields);
    };
    await pressed('pause');
    const receipt = (await download()).text;
    expect(claimsOf(receipt)).toMatchObject({ event: { state: 'paused' }, permissions: { tools: [], resources: false, prompts: false } });
    expect((await verify('--receipt', await keep(receipt))).out).toContain('nothing now, because it is paused');
    await pressed('resume');
    expect(claimsOf((await download()).text)).toMatchObject({
      event: { state: 'given' },
      permissions: { tools: [{ name: 'list_issues' }] },
    });
  });

  it('is verified by jose in three lines, with the keys that the issuer shows', async () => {
    const receipt = (await download()).text;
    const keys = createRemoteJWKSet(new URL(`${issuer.url}/audit/keys`), { [customFetch]: fetchFrom(issuer) as never });
    const { payload } = await jwtVerify(receipt, keys, { issuer: issuer.url, typ: 'consent-receipt+jwt' });
    expect(payload.sub).toBe(person.userId);
  });

  it('is verified on the command line, with the database or with keys alone', async () => {
    const receipt = await keep((await download()).text);
    const here = await verify('--receipt', receipt);
    expect([here.code, here.out]).toEqual([0, expect.stringContaining(`${person.email} allowed Claude (${client.clientId})`)]);
    const keys = join(folder, 'keys');
    await writeFile(keys, (await issuer.send({ path: '/audit/keys' })).text);
    const anywhere = await runCommand(['audit', 'verify', '--receipt', receipt, '--keys', keys], { env: {} });
    expect([anywhere.code, anywhere.out]).toEqual([0, here.out]);
  });

  it('ABUSE-75: that was changed, is another tenant’s, or is none at all, is worth nothing', async () => {
    const receipt = (await download()).text;
    const [header = '', payload = '', signature = ''] = receipt.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const more = Buffer.from(JSON.stringify({ ...claims, permissions: { ...claims.permissions, prompts: true } })).toString('base64url');
    const problem = async (text: string, ...args: string[]) =>
      problemOf(await verify('--json', '--receipt', await keep(text), ...args)).code;
    expect(await problem(`${header}.${more}.${signature}`)).toBe('changed');
    const acme = await issuer.addTenant('acme');
    expect(await problem(receipt, '--tenant', acme.tenant.slug)).toBe('unknown-key');
    expect(await problem('nothing')).toBe('no-receipt');
    const token = await connect(issuer, { client, person, server, browser });
    expect(await problem(token.access_token)).toBe('no-receipt');
  });

  it('ABUSE-67: is its person’s alone, and of the version that she decided last', async () => {
    const stranger = await connect(issuer, { client, person: await issuer.addPerson(), server });
    expect((await download(stranger.browser)).status).toBe(404);
    await authorize(issuer, { client, person, server, browser, decision: { tools: ['list_issues', 'create_issue'] } });
    const { record_version: version, permissions } = claimsOf((await download()).text) as {
      record_version: number;
      permissions: { tools: { name: string }[] };
    };
    expect(version).toBeGreaterThan(1);
    expect(permissions.tools.map(({ name }) => name).sort()).toEqual(['create_issue', 'list_issues']);
  });
});
