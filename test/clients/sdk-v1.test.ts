import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { launchBrowser } from '../support/browser.ts';
import { type MovedTime, moveTime } from '../support/moved-time.ts';
import { startWhole, type Whole } from '../support/whole.ts';
import { askForConsent, connectByConsent, isUnauthorized } from './support/connect-by-consent.ts';
import type { TestMcpClient } from './support/mcp-client.ts';
import { createPerson, type Person } from './support/person.ts';
import { createSdkV1Client } from './support/sdk-v1-client.ts';

let whole: Whole;
let browser: Browser;
let time: MovedTime;
let person: Person;
let client: TestMcpClient;
let clientName: string;
let clients = 0;

beforeAll(async () => {
  time = moveTime();
  whole = await startWhole({ denial: 'result' });
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await whole?.stop();
  time.restore();
});

beforeEach(async () => {
  clients += 1;
  clientName = `Agent ${clients} on SDK v1`;
  person = await createPerson(browser, whole.account);
  client = await createSdkV1Client(whole.resource, { clientName });
});

afterEach(async () => {
  await client?.close();
  await person?.close();
  expect(whole.faults).toEqual([]);
  expect(whole.issuer.log.filter((line) => /"level":"(?:error|fatal)"/.test(line))).toEqual([]);
});

describe('the official SDK, v1, against a server that refuses in tool results', () => {
  it('MCP-3, MCP-35, MCP-36: asks in this order, and for this', async () => {
    const url = await askForConsent(client, person);

    expect(client.traffic.lines()).toEqual([
      'POST /mcp 401',
      'GET /.well-known/oauth-protected-resource/mcp 200',
      'GET /.well-known/oauth-authorization-server 200',
      'POST /register 201',
    ]);
    const { state, code_challenge, client_id, ...rest } = Object.fromEntries(url.searchParams);
    expect([state, code_challenge, client_id].every(Boolean)).toBe(true);
    expect(rest).toEqual({
      response_type: 'code',
      code_challenge_method: 'S256',
      redirect_uri: client.callback.redirectUri,
      scope: 'tools resources prompts',
      resource: whole.resource,
    });
    expect(await person.heading()).toContain(clientName);
  });

  it('MCP-24: a refused call carries a link; the person widens, and the next call succeeds', async () => {
    const answer = await connectByConsent(client, person, { untick: ['Create an issue'] });
    expect(answer.get('iss')).toBe(whole.issuer.url);
    expect(await client.listTools()).not.toContain('create_issue');
    expect(await client.callTool('list_issues')).toMatchObject({ isError: false });
    const issues = whole.demo.tracker.listIssues().length;

    const refused = await client.callTool('create_issue', { title: 'From the agent' });
    expect(refused.isError).toBe(true);
    expect(whole.demo.tracker.listIssues()).toHaveLength(issues);
    const link = refused.text.match(/https?:\/\/\S+/)?.[0] ?? '';
    expect(link).toContain(`${whole.issuer.url}/widen?`);

    await person.open(link);
    const shown = new Map((await person.seeTools()).map((tool) => [tool.name, tool]));
    expect(shown.get('Create an issue create_issue')).toMatchObject({ description: expect.stringMatching(/^new/) });
    expect(shown.get('List issues list_issues')).toMatchObject({ ticked: true });
    expect(shown.has('Delete an issue delete_issue')).toBe(false);
    await person.change({ tick: ['Create an issue'] });
    await person.press('Allow');

    time.forward(15);
    expect(await client.callTool('create_issue', { title: 'From the agent' })).toMatchObject({ isError: false });
    expect(whole.demo.tracker.listIssues()).toHaveLength(issues + 1);
    expect(client.traffic.tokenRequests('refresh_token').map(({ status }) => status)).toEqual([200]);
    expect(await client.listTools()).toEqual(expect.arrayContaining(['create_issue', 'list_issues']));
  });

  it('a widen link opened by nobody in particular asks for sign-in first, and opening it changes nothing', async () => {
    await connectByConsent(client, person, { untick: ['Create an issue'] });
    const { text } = await client.callTool('create_issue', { title: 'x' });
    const link = text.match(/https?:\/\/\S+/)?.[0] ?? '';
    const stranger = await createPerson(browser, whole.account);
    await stranger.open(link);
    expect(await stranger.heading()).toBe('Sign in');
    await stranger.signIn();
    expect(await stranger.heading()).toContain(clientName);
    await stranger.close();

    time.forward(15);
    expect(await client.callTool('create_issue', { title: 'x' })).toMatchObject({ isError: true });
  });

  it('MCP-22, MCP-26: an expired access token is refreshed without the person', async () => {
    await connectByConsent(client, person, {});
    const before = client.tokens();
    time.forward(16 * 60);

    expect(await client.callTool('list_issues')).toMatchObject({ isError: false });
    expect(client.tokens()?.refresh_token).not.toBe(before?.refresh_token);
    expect(new Set(client.traffic.tokenRequests('refresh_token').map(({ status }) => status))).toEqual(new Set([200]));
  });

  it('ABUSE-40, ABUSE-61: what the person revokes ends', async () => {
    await connectByConsent(client, person, {});
    await person.open(`${whole.issuer.url}/account`);
    await person.follow('Revoke', clientName);
    await person.press('Revoke');

    time.forward(15);
    const refused = await client.callTool('list_issues').catch((error: unknown) => error);
    expect(isUnauthorized(refused)).toBe(true);
    expect(new Set(client.traffic.tokenRequests('refresh_token').map(({ status }) => status))).toEqual(new Set([400]));
  });

  it('SDK v1 cannot step up by itself: before a door that answers 403 the call fails, and everything else goes on', async () => {
    const strict = await startWhole({ denial: 'challenge' });
    const stranded = await createSdkV1Client(strict.resource, { clientName });
    try {
      await connectByConsent(stranded, person, { untick: ['Create an issue'] });
      await expect(stranded.callTool('create_issue', { title: 'x' })).rejects.toThrow('Server returned 403 after trying upscoping');
      expect(await stranded.callTool('list_issues')).toMatchObject({ isError: false });
    } finally {
      await stranded.close();
      await strict.stop();
    }
  });

  it('MCP-6, ABUSE-23: a denial reaches the client, with the issuer', async () => {
    const url = await askForConsent(client, person);
    const answer = client.finish();
    await person.press('Deny');

    expect(Object.fromEntries(await answer)).toEqual({
      error: 'access_denied',
      error_description: expect.any(String),
      iss: whole.issuer.url,
      state: url.searchParams.get('state'),
    });
  });

  it('MCP-23, ABUSE-48: calls in parallel while a refresh is due keep one family alive', async () => {
    await connectByConsent(client, person, {});
    time.forward(16 * 60);

    // All ten hold the same token when they refresh: one that came with it after its successor was used would be reuse (ABUSE-48).
    client.traffic.gatherRefusals(10);
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => client.callTool('list_issues')));
    // All calls of one transport share the SDK's mark that it has just authorized: a 401 that arrives while another call has
    // finished refreshing, but has not been answered yet, is given up. That is between the SDK and itself; tokens stay good.
    const problems = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [String(outcome.reason)] : []));
    expect(problems.filter((problem) => !problem.includes('Server returned 401 after successful authentication'))).toEqual([]);

    time.forward(16 * 60);
    expect(await client.callTool('list_issues')).toMatchObject({ isError: false });
    expect(client.traffic.tokenRequests('refresh_token').every(({ status }) => status === 200)).toBe(true);
  });
});
