import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ApiKeyId } from '../../src/domain/ids.ts';
import { revokeApiKey } from '../../src/services/manage-api-keys.ts';
import { startIssuer, type TestIssuer, type TestServer } from '../support/issuer.ts';
import { makeApiKey } from '../support/machine.ts';
import { moveTime } from '../support/moved-time.ts';
import { isActive } from '../support/oauth-client.ts';
import { Browser, type PageForm, readForms, signInOn } from '../support/person.ts';

let issuer: TestIssuer;
let server: TestServer;

beforeAll(async () => {
  issuer = await startIssuer();
  server = await issuer.addServer();
});
afterAll(() => issuer.stop());

it('a key of hers that has expired is replaced as another one is made: of a name that no good one has, and fifty at most', async () => {
  const person = await issuer.addPerson();
  const make = (name: string) => makeApiKey(issuer, { server, tools: ['list_issues'], owner: { userId: person.userId }, name });
  const revoke = ({ id }: { id: string }) =>
    revokeApiKey(issuer.runtime, issuer.tenant, { id: id as ApiKeyId, reason: 'revoked-by-admin', origin: { actorType: 'operator' } });
  const { id } = await make('Nightly report');
  const time = moveTime();
  try {
    time.forward(2 * 86_400);
    const browser = new Browser(issuer.origin);
    const page = await signInOn(browser, await browser.get(`${issuer.url}/account/keys/${id}/replace`), person);
    const form = readForms(page.text)[0] as PageForm;
    const replace = async () => {
      const { text } = await browser.post(form.action, form.fields);
      return { text, secret: /tgk_\w{44}/.exec(text)?.[0] ?? '' };
    };
    const namesake = await make('Nightly report');
    const taken = await replace();
    expect([taken.text.includes('You have another key of this name'), taken.secret]).toEqual([true, '']);
    await revoke(namesake);
    const first = await make('Key 0');
    for (let times = 1; times < 50; times += 1) await make(`Key ${times}`);
    const full = await replace();
    expect([full.text.includes('You have 50 keys'), full.secret]).toEqual([true, '']);
    await revoke(first);
    expect(await isActive(issuer, server, (await replace()).secret)).toBe(true);
  } finally {
    time.restore();
  }
});
