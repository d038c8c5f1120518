import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ServerId } from '../../src/domain/ids.ts';
import { listAuditEvents } from '../../src/store/audit.ts';
import { listCatalogue, listTools, removeTools } from '../../src/store/tools.ts';
import { toolNamed } from '../support/consent-scene.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { authorizationUrl, connect, newPkce, refresh, registerTestClient } from '../support/oauth-client.ts';
import { Browser, readForms, signInOn } from '../support/person.ts';

let issuer: TestIssuer;

beforeAll(async () => {
  issuer = await startIssuer();
});
afterAll(() => issuer.stop());

it('ABUSE-89: a server that takes hundreds of tools with long names away does not fill the audit trail with each refresh', async () => {
  const names = Array.from({ length: 300 }, (_, index) => `tool_${index}_${'x'.repeat(400)}`);
  const server = await issuer.addServer(names.map((name) => toolNamed(name)));
  const client = await registerTestClient(issuer);
  const tokens = await connect(issuer, { client, person: await issuer.addPerson(), server });
  const { store } = issuer.runtime;
  await removeTools(store, issuer.tenant.id, server.serverId as ServerId, { names, at: new Date() });
  expect((await refresh(issuer, client, tokens.refresh_token)).status).toBe(200);
  const events = await listAuditEvents(store, issuer.tenant.id, 10);
  const issued = events.find(({ type }) => type === 'token.issued');
  expect(issued?.detail).toMatchObject({ tools: 0, leftOut: { count: 300 } });
  expect(JSON.stringify(issued?.detail).length).toBeLessThan(5_000);
});

it('ABUSE-89: what is read for a token is what decides, and none of the words of the server', async () => {
  const large = { ...toolNamed('list_issues'), description: 'x'.repeat(200_000) };
  const { serverId } = await issuer.addServer([large, toolNamed('delete_issue', 'destructive')]);
  const read = await listCatalogue(issuer.runtime.store, issuer.tenant.id, serverId as ServerId);
  const whole = await listTools(issuer.runtime.store, issuer.tenant.id, serverId as ServerId);
  const facts = whole.map(({ name, digest, risk, openWorld }) => ({ name, digest, risk, openWorld }));
  expect(read).toHaveLength(2);
  expect(read).toEqual(expect.arrayContaining(facts));
});

it('ABUSE-89: a consent page of 100 tools stays below 150 KB, however long and awkward their descriptions are', async () => {
  for (const description of ['What this tool does, in a sentence or two. '.repeat(50), '"<&>\''.repeat(1_000), '工具🛠'.repeat(1_000)]) {
    const tools = Array.from({ length: 100 }, (_, index) => ({ ...toolNamed(`tool_number_${index}_of_the_tracker`), description }));
    const server = await issuer.addServer(tools);
    const client = await registerTestClient(issuer);
    const browser = new Browser(issuer.origin);
    const url = authorizationUrl(issuer, client, { code_challenge: newPkce().challenge, resource: server.resource });
    const page = await signInOn(browser, await browser.follow(await browser.get(url)), await issuer.addPerson());
    expect(
      readForms(page.text)
        .flatMap(({ boxes }) => boxes)
        .filter(({ name }) => name === 'tool'),
    ).toHaveLength(100);
    expect(Buffer.byteLength(page.text)).toBeLessThan(150_000);
  }
});
