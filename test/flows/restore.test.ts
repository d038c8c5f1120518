import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { endAllConsents } from '../../src/services/end-all-consents.ts';
import { startIssuer, type TestIssuer } from '../support/issuer.ts';
import { authorize, connect, isActive, redeem, refresh, registerTestClient } from '../support/oauth-client.ts';

let issuer: TestIssuer;

beforeAll(async () => {
  issuer = await startIssuer();
});
afterAll(() => issuer.stop());

describe('after a restore', () => {
  it('ending all consents leaves nothing that anybody had: tokens, refresh tokens, codes, sessions, links', async () => {
    const [server, person, other] = [await issuer.addServer(), await issuer.addPerson(), await issuer.addPerson()];
    const client = await registerTestClient(issuer);
    const connected = [await connect(issuer, { client, person, server }), await connect(issuer, { client, person: other, server })];
    const waiting = await authorize(issuer, { client: await registerTestClient(issuer), person, server });
    expect(await isActive(issuer, server, connected[0]?.access_token ?? '')).toBe(true);

    expect(await endAllConsents(issuer.runtime, issuer.tenant, { origin: { actorType: 'operator' } })).toBe(3);

    for (const { access_token: token, refresh_token: refreshToken, browser } of connected) {
      const refused = await refresh(issuer, client, refreshToken);
      expect([refused.status, refused.json().error]).toEqual([400, 'invalid_grant']);
      expect(await isActive(issuer, server, token)).toBe(false);
      expect((await browser.get('/account')).text).toContain('Sign in');
    }
    expect((await redeem(issuer, client, waiting)).status).toBe(400);
    const again = await connect(issuer, { client, person, server });
    expect(await isActive(issuer, server, again.access_token)).toBe(true);
    expect(await endAllConsents(issuer.runtime, issuer.tenant, { origin: { actorType: 'operator' } })).toBe(1);
  });
});
