/** Lists of a person's own that come by the page where they are many: from where an agent is used, and servers for a key. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { toolNamed } from '../support/consent-scene.ts';
import { startIssuer, type TestIssuer, type TestPerson, type TestServer } from '../support/issuer.ts';
import { claimsOf, connect, registerTestClient } from '../support/oauth-client.ts';
import { type Browser, linkNamed, type PageForm, readForms, signedIn } from '../support/person.ts';

let issuer: TestIssuer;
let person: TestPerson;
let server: TestServer;

beforeAll(async () => {
  issuer = await startIssuer();
  [person, server] = [await issuer.addPerson(), await issuer.addServer()];
});
afterAll(() => issuer.stop());

const press = (browser: Browser, form: PageForm | undefined) => browser.post(form!.action, form!.fields);
const placesOn = (html: string) => readForms(html).filter(({ action }) => action.endsWith('/end'));
const addressesOn = (html: string) => placesOn(html).map(({ action }) => action);

/** The entry of one agent. */
async function entryOf(browser: Browser, id: string): Promise<string> {
  const { text } = await browser.get('/account');
  return text.split('<li class="connection"').find((part) => part.includes(`aria-labelledby="${id}-title"`)) ?? '';
}

/** A consent that is used from 45 places; of all but the latest, two began in the same instant, so that a page ends between two. */
async function usedInManyPlaces(): Promise<{ id: string; browser: Browser }> {
  const client = await registerTestClient(issuer);
  const { browser, access_token } = await connect(issuer, { client, person, server });
  const id = String(claimsOf(access_token)['consent']);
  const at = Date.now() - 3_600_000;
  await issuer.runtime.store.installation.createMany({
    data: Array.from({ length: 44 }, (_, index) => ({
      ...{ tenantId: issuer.tenant.id, consentId: id, requestedScopes: [] },
      ...{ id: `ins_${id}_${index}`, grantId: `${id}_${index}` },
      createdAt: new Date(at - Math.floor(index / 2) * 1_000),
    })),
  });
  return { id, browser };
}

/** The pages behind an address, one after the other. */
async function pagesFrom(browser: Browser, address: string): Promise<string[]> {
  const pages: string[] = [];
  for (let next: string | undefined = address; next; next = linkNamed(pages.at(-1) ?? '', 'Older places')) {
    pages.push((await browser.get(next)).text);
  }
  return pages;
}

describe('the places where an agent is used', () => {
  it('come by the page where they are many, latest connected first, each once, there and back', async () => {
    const { id, browser } = await usedInManyPlaces();
    const html = await entryOf(browser, id);
    expect(html).toContain('Used from 45 places');
    const pages = await pagesFrom(browser, linkNamed(html, 'All 45 places') ?? '');
    const addresses = pages.map(addressesOn);
    expect(addresses.map(({ length }) => length)).toEqual([20, 20, 5]);
    expect(new Set(addresses.flat()).size).toBe(45);
    expect(addressesOn(html)).toEqual(addresses[0]);
    const ages = addresses.flat().map((address) => new RegExp(`/ins_${id}_(\\d+)/end$`).exec(address)?.[1] ?? '-1');
    expect(ages.map((age) => Math.floor(Number(age) / 2))).toEqual([
      -1,
      ...Array.from({ length: 44 }, (_, index) => Math.floor(index / 2)),
    ]);
    expect(linkNamed(pages[0] ?? '', 'Newer places')).toBeUndefined();
    const second = (await browser.get(linkNamed(pages[2] ?? '', 'Newer places') ?? '')).text;
    const first = (await browser.get(linkNamed(second, 'Newer places') ?? '')).text;
    expect([second, first].map(addressesOn)).toEqual([addresses[1], addresses[0]]);
    expect(linkNamed(first, 'Newer places')).toBeUndefined();
    for (const query of [
      'after=',
      'after=1.cns_1',
      `after=${'9'.repeat(20)}.ins_1`,
      'before=x',
      'after=1.ins_1&after=2.ins_2',
      'after=1.ins_%00',
    ]) {
      const page = await browser.get(`/account/consents/${id}/places?${query}`);
      expect([query, page.status, addressesOn(page.text)]).toEqual([query, 200, addresses[0]]);
    }
  });

  it('ABUSE-24, ABUSE-61: one that ends on a page of many leads back to that page, and nowhere else', async () => {
    const { id, browser } = await usedInManyPlaces();
    const pages = await pagesFrom(browser, `/account/consents/${id}/places`);
    const [, second = [], third = []] = pages.map(addressesOn);
    const [form] = placesOn(pages[1] ?? '');
    const ended = await press(browser, form);
    const own = `${issuer.url}/account/consents/${id}/places`;
    const done = 'done=disconnected&within=900';
    expect(ended.headers.location).toBe(`${own}?${form?.fields.at(-1)?.join('=')}&${done}`);
    const back = await browser.follow(ended);
    expect(back.text).toContain('Ended there. Other places go on. It takes effect within 15 minutes.');
    expect(addressesOn(back.text)).toEqual([...second.slice(1), third[0]]);
    expect(await entryOf(browser, id)).toContain('Used from 44 places');
    const [token] = form?.fields ?? [];
    for (const [typed, location] of [
      [{ list: 'places', after: 'https://evil.example' }, `${own}?${done}`],
      [{ list: 'https://evil.example', after: '1.ins_1' }, `${issuer.url}/account?${done}`],
      [{}, `${issuer.url}/account?${done}`],
    ] as const) {
      expect((await browser.post(form?.action ?? '', [token!, ...Object.entries(typed)])).headers.location).toBe(location);
    }
    const first = await browser.get(own);
    for (const place of [...placesOn(first.text), ...placesOn(pages[1] ?? ''), ...placesOn(pages[2] ?? '')]) await press(browser, place);
    expect((await browser.get(own)).text).toContain('from nowhere now');
    expect((await browser.follow(ended)).text).toContain('No place is left on this page.');
  });
});

describe('the tools that an agent may use', () => {
  const toolsOn = (html: string) => [...html.matchAll(/\/time\?tool=([^"]+)"/g)].map(([, name]) => name);

  it('come by the page where they are many, each once, there and back', async () => {
    const names = Array.from({ length: 245 }, (_, index) => `tool ${index}`);
    const large = await issuer.addServer(names.map((name) => toolNamed(name)));
    const client = await registerTestClient(issuer);
    const { browser, access_token } = await connect(issuer, { client, person, server: large, decision: { tools: names } });
    const id = String(claimsOf(access_token)['consent']);
    const html = await entryOf(browser, id);
    const own = linkNamed(html, 'All 245 tools') ?? '';
    const read = async (address: string | undefined) => (await browser.get(address ?? '')).text;
    const pages = [await read(own)];
    for (let next = linkNamed(pages[0] ?? '', 'More tools'); next; next = linkNamed(pages.at(-1) ?? '', 'More tools'))
      pages.push(await read(next));
    const tools = pages.map(toolsOn);
    expect(tools.map(({ length }) => length)).toEqual([100, 100, 45]);
    expect(new Set(tools.flat())).toEqual(new Set(names.map(encodeURIComponent)));
    expect(toolsOn(html)).toEqual(tools[0]);
    expect(pages[1]).toContain('Tools 101 to 200 of 245');
    const second = await read(linkNamed(pages[2] ?? '', 'Previous tools'));
    const first = await read(linkNamed(second, 'Previous tools'));
    expect([second, first].map(toolsOn)).toEqual([tools[1], tools[0]]);
    expect(linkNamed(first, 'Previous tools')).toBeUndefined();
    for (const query of ['after=', 'after=nothing', `after=${tools[2]?.at(-1)}`, 'after=%00', 'after=a&after=b']) {
      expect([query, toolsOn(await read(`${own}?${query}`))]).toEqual([query, tools[0]]);
    }
  });
});

describe('the servers to choose from', () => {
  const chosenOn = (html: string) =>
    [...html.matchAll(/\?server=(srv_[\w-]+)"><bdi class="name">([^<]+)</g)].map(([, id = '', name = '']) => [id, name]);

  it('are looked for only where a page does not hold all', async () => {
    const { text } = await (await signedIn(issuer, person)).get(`${issuer.url}/account/keys/new`);
    expect(chosenOn(text)).toContainEqual([server.serverId, expect.any(String)]);
    expect(text).not.toContain('role="search"');
  });

  it('come by the page, by name, each once, there and back; and are found by what is in name or address, in either case', async () => {
    const many = await issuer.addTenant('many');
    // Two of each name, so that a page ends between two.
    const rows = Array.from({ length: 45 }, (_, index) => {
      const resource = `https://${index % 2 === 0 ? 'even' : 'odd'}-${index}.example/mcp`;
      const name = `${index % 4 < 2 ? 'Tracker' : 'tracker'} ${99 - Math.floor(index / 2)}`;
      return {
        tenantId: many.tenant.id,
        id: `srv_${index}`,
        name,
        resource,
        resourceKey: resource,
        credentialDigest: resource,
        createdAt: new Date(),
      };
    });
    await issuer.runtime.store.server.createMany({ data: rows });
    const here = await signedIn(many, await many.addPerson());
    const list = `${many.url}/account/keys/new`;
    const read = async (address: string | undefined) => (await here.get(address ?? '')).text;
    const pages = [await read(list)];
    for (let next = linkNamed(pages[0] ?? '', 'More servers'); next; next = linkNamed(pages.at(-1) ?? '', 'More servers'))
      pages.push(await read(next));
    const chosen = pages.map(chosenOn);
    expect(chosen.map(({ length }) => length)).toEqual([20, 20, 5]);
    expect(new Set(chosen.flat().map(([id]) => id)).size).toBe(45);
    expect(chosen.flat().map(([, name]) => name?.toLowerCase())).toEqual(rows.map(({ name }) => name.toLowerCase()).sort());
    const second = await read(linkNamed(pages[2] ?? '', 'Previous servers'));
    const first = await read(linkNamed(second, 'Previous servers'));
    expect([second, first].map(chosenOn)).toEqual([chosen[1], chosen[0]]);
    expect(linkNamed(first, 'Previous servers')).toBeUndefined();
    for (const query of [
      'after=',
      'after=srv_nobody',
      `after=${server.serverId}`,
      'before=%00',
      'after=srv_1&after=srv_2',
      'query=a&query=b',
      'query=%00',
    ]) {
      expect([query, chosenOn(await read(`${list}?${query}`))]).toEqual([query, chosen[0]]);
    }

    expect(chosenOn(await read(`${list}?query=+TRACKER+99+`)).map(([id]) => id)).toEqual(['srv_0', 'srv_1']);
    expect(chosenOn(await read(`${list}?query=EVEN-44.`))).toEqual([['srv_44', 'Tracker 77']]);
    const found = await read(`${list}?query=Even-`);
    const more = await read(linkNamed(found, 'More servers'));
    expect([found, more].map((page) => chosenOn(page).length)).toEqual([20, 3]);
    const even = rows.filter(({ resource }) => resource.includes('even')).map(({ id }) => id);
    expect(new Set([found, more].flatMap(chosenOn).map(([id]) => id))).toEqual(new Set(even));
    for (const query of ['%', '_racker', 'tracker.*', '"><script>', `${'x'.repeat(99)}🦊`]) {
      const page = await read(`${list}?${new URLSearchParams({ query })}`);
      expect([query, chosenOn(page), page.includes('No server has this')]).toEqual([query, [], true]);
      expect(page).not.toContain('<script');
    }
  });
});
