import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import type { ServerId } from '../../../src/domain/ids.ts';
import { createGuardedFetch } from '../../../src/platform/guarded-fetch.ts';
import { randomToken } from '../../../src/platform/random.ts';
import { addServer } from '../../../src/services/add-server.ts';
import { createUser } from '../../../src/services/create-user.ts';
import { syncCatalogue } from '../../../src/services/sync-catalogue.ts';
import { serve } from '../../../test/browser/browser-scene.ts';
import { startIssuer, type TestIssuer } from '../../../test/support/issuer.ts';
import { authorizationUrl, newPkce, registerTestClient } from '../../../test/support/oauth-client.ts';
import { type PublishedServer, publishedServers } from '../../../test/support/published-servers.ts';
import type { Studio } from '../studio.ts';

const callback = 'http://localhost:7777/callback';
const origin = { actorType: 'operator' } as const;

/** What a person sees of three servers as they are published, and of one after an update. Takes the ports that a newcomer's have. */
export async function publishedServersStory(studio: Studio): Promise<void> {
  const issuer = await startIssuer({ port: 4000 });
  studio.after(() => issuer.stop());
  const agent = await serve('<!doctype html><title>Agent</title><p>Back at the agent.', 7777);
  studio.after(() => agent.close());
  const person = { email: 'ada@example.com', password: `not to be guessed ${randomToken(9)}` };
  const created = await createUser(issuer.runtime, issuer.tenant, { ...person, isAdmin: false, origin });
  if (!created.ok) throw new Error(created.problem);
  const page = await studio.openWindow();
  await signIn(page, { issuer, person });
  for (const [index, published] of publishedServers.entries()) {
    const name = published.name.toLowerCase();
    const server = await openServer(studio, { issuer, published, port: 3000 + index });
    const client = await registerTestClient(issuer, { client_name: 'Claude Code', redirect_uris: [callback] });
    const ask = () => page.goto(authorizationUrl(issuer, client, { resource: server.resource, code_challenge: newPkce().challenge }));
    await ask();
    await studio.take(page, `published-${name}`);
    if (name === 'browser') await takeTools(studio, page);
    if (name === 'files') {
      await allow(page);
      await server.update();
      await ask();
      await studio.take(page, 'published-files-update');
    }
  }
}

/** Sets a server up with its first release. */
async function openServer(studio: Studio, { issuer, published, port }: { issuer: TestIssuer; published: PublishedServer; port: number }) {
  const folder = await mkdtemp(join(tmpdir(), 'toolgrant-pictures-'));
  studio.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'a.txt'), 'A.');
  const resource = `http://localhost:${port}/mcp`;
  const added = await addServer(issuer.runtime, issuer.tenant, { resource, name: published.name, origin });
  if (!added.ok) throw new Error(added.problem.kind);
  const settings = { issuer: issuer.url, resource, credential: `${added.server.id}:${added.credential}`, folder };
  let door = await published.start('first', settings);
  studio.after(() => door.stop());
  await sync(issuer, added.server.id);
  return {
    resource,
    update: async () => {
      await door.stop();
      door = await published.start('second', settings);
      await sync(issuer, added.server.id);
    },
  };
}

async function sync({ runtime, tenant }: TestIssuer, serverId: ServerId): Promise<void> {
  const fetch = createGuardedFetch({ profile: 'admin', issuerIsLoopback: true });
  const done = await syncCatalogue(runtime, tenant, { serverId, fetch, origin });
  await fetch.close();
  if (!done.ok) throw new Error(done.problem.detail);
}

async function signIn(page: Page, { issuer, person }: { issuer: TestIssuer; person: { email: string; password: string } }): Promise<void> {
  await page.goto(`${issuer.url}/account`);
  await page.getByLabel('Email').fill(person.email);
  await page.getByLabel('Password').fill(person.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** Allows what the page ticks, and moving files. */
async function allow(page: Page): Promise<void> {
  await page.locator('#group-write summary').click();
  await page.getByRole('checkbox', { name: /move_file/ }).check();
  await page.getByRole('button', { name: 'Allow' }).click();
  await page.waitForURL(`${callback}?**`);
}

/** The tools that read, unfolded, as a window shows them. */
async function takeTools(studio: Studio, page: Page): Promise<void> {
  await page.locator('#group-read summary').click();
  await studio.take(page, 'published-browser-tools', { height: 1_300 });
}
