/** A running issuer, a person, a server with tools, an agent that takes the person back, and a real browser. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser } from '../support/browser.ts';
import { toolNamed } from '../support/consent-scene.ts';
import { startIssuer, type TestIssuer, type TestPerson } from '../support/issuer.ts';
import { authorizationUrl, newPkce, redeem, registerTestClient, type TestClient } from '../support/oauth-client.ts';

/** An agent that has begun to ask. */
export interface StartedAgent {
  client: TestClient;
  verifier: string;
  /** Where it sends the person. */
  url: string;
}

/** The scene. */
export interface BrowserScene {
  browser: Browser;
  issuer: TestIssuer;
  person: TestPerson;
  /** Where the agent takes the person back; it shows a page of its own. */
  callback: string;
  startAgent(options?: { redirectUri?: string; name?: string; client?: TestClient }): Promise<StartedAgent>;
  signIn(page: Page): Promise<void>;
  /** The scope that the agent gets for the code that the page was sent back with. */
  scopeOf(agent: StartedAgent, page: Page): Promise<string>;
  close(): Promise<void>;
}

/** Sets the scene. */
export async function openScene(): Promise<BrowserScene> {
  const [browser, issuer] = await Promise.all([launchBrowser(), startIssuer()]);
  const person = await issuer.addPerson();
  const server = await issuer.addServer([
    { ...toolNamed('list_issues'), title: 'List issues', description: 'Newest first.', annotations: { readOnlyHint: true } },
    { ...toolNamed('search_web', 'read', { openWorld: true }), annotations: { readOnlyHint: true, openWorldHint: true } },
    { ...toolNamed('get_issue'), title: 'Get issue', annotations: { readOnlyHint: true } },
    { ...toolNamed('create_issue', 'write'), title: 'Create issue', annotations: { destructiveHint: false } },
    { ...toolNamed('delete_issue', 'destructive'), annotations: { destructiveHint: true } },
  ]);
  const agent = await serve('<!doctype html><title>Agent</title><p>Back at the agent.');
  const callback = `http://localhost:${agent.port}/callback`;
  return {
    browser,
    issuer,
    person,
    callback,
    startAgent: async (options = {}) => {
      const redirectUri = options.redirectUri ?? callback;
      const client =
        options.client ?? (await registerTestClient(issuer, { client_name: options.name ?? 'Claude Code', redirect_uris: [redirectUri] }));
      const { verifier, challenge } = newPkce();
      return {
        client,
        verifier,
        url: authorizationUrl(issuer, client, { resource: server.resource, code_challenge: challenge, state: 'kept' }),
      };
    },
    signIn: async (page) => {
      await page.getByLabel('Email').fill(person.email);
      await page.getByLabel('Password').fill(person.password);
      await page.getByRole('button', { name: 'Sign in' }).click();
    },
    scopeOf: async ({ client, verifier }, page) => {
      const code = new URL(page.url()).searchParams.get('code') ?? '';
      return (await redeem(issuer, client, { code, verifier })).json<{ scope: string }>().scope;
    },
    close: async () => {
      await browser.close();
      await agent.close();
      await issuer.stop();
    },
  };
}

/** Serves one HTML page on an origin of its own; default: at any port that is free. */
export async function serve(html: string, at = 0): Promise<{ port: number; close(): Promise<void> }> {
  const server: Server = createServer((_, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end(html);
  });
  await new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
