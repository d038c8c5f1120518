/** Whoever tries to sign in and fails learns nothing about the account, not even by the work that the try took. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createUser } from '../../src/services/create-user.ts';
import { disableUser } from '../../src/services/disable-user.ts';
import { fillIn } from '../support/fill-in.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { Browser, readForms } from '../support/person.ts';

let issuer: TestIssuer;
beforeAll(async () => {
  issuer = await startIssuer();
});
afterAll(() => issuer.stop());

describe('ABUSE-27: a sign-in that fails', () => {
  it('is the same page after the same work, whatever was wrong', async () => {
    const { runtime, tenant } = issuer;
    const password = 'a pass phrase of nobody';
    const origin = { actorType: 'operator' } as const;
    const [active, disabled] = [await issuer.addPerson(), await issuer.addPerson()];
    await disableUser(runtime, tenant, { userId: disabled.userId, origin });
    await createUser(runtime, tenant, { email: 'invited@example.com', isAdmin: false, origin });
    const { verify } = runtime.passwords;
    let hashes = 0;
    runtime.passwords.verify = (typed, stored) => {
      hashes += 1;
      return verify(typed, stored);
    };
    const countEvents = () => runtime.store.auditEvent.count();
    const tries = {
      unknown: { email: 'nobody@example.com', password },
      'no address': { email: 'nobody', password },
      'wrong password': { email: active.email, password },
      'without a password': { email: 'invited@example.com', password },
      'disabled, wrong password': { email: disabled.email, password },
      'disabled, right password': { email: disabled.email, password: disabled.password },
    };
    const outcomes = [];
    for (const [what, { email, password: typed }] of Object.entries(tries)) {
      const browser = new Browser(issuer.origin);
      const [form] = readForms((await browser.get('/account')).text);
      hashes = 0;
      const events = await countEvents();
      const answer = await browser.post(form?.action ?? '', fillIn(form, { email, password: typed }));
      const text = answer.text.replaceAll(email, '').replaceAll(/name="form_token" value="[^"]*"/g, '');
      const work = { hashes, events: (await countEvents()) - events };
      outcomes.push({
        what,
        status: answer.status,
        text,
        headers: Object.keys(answer.headers).sort(),
        cookies: answer.cookies.length,
        work,
      });
    }
    const [first, ...others] = outcomes;
    expect(first).toMatchObject({
      status: 200,
      text: expect.stringContaining('Email or password is wrong.'),
      work: { hashes: 1, events: 1 },
    });
    for (const outcome of others) expect(outcome).toEqual({ ...first, what: outcome.what });
  });
});
