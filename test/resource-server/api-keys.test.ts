import { afterEach, describe, expect, it } from '@jest/globals';
import { spellApiKey } from '../../src/resource-server/api-key-form.ts';
import { createSdkTokenVerifier } from '../../src/resource-server/sdk-token-verifier.ts';
import { doors, type ServedDoor } from './doors.ts';
import { FakeIssuer, ISSUER, makeKey, RESOURCE } from './fake-issuer.ts';

const signingKey = await makeKey('key-1');
const KEY = spellApiKey('A'.repeat(38));
const FOREIGN = spellApiKey('B'.repeat(38));
const UNKNOWN = spellApiKey('C'.repeat(38));

function makeIssuer(): FakeIssuer {
  const issuer = new FakeIssuer({ key: signingKey });
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const good = { active: true, iss: ISSUER, aud: RESOURCE, sub: 'svc_1', client_id: 'key_1', jti: 'key_1', scope: 'tool:list_issues', exp };
  issuer.introspections.set(KEY, good);
  issuer.introspections.set(FOREIGN, { ...good, aud: 'https://other.example/mcp' });
  return issuer;
}

const call = (name: string) => JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } });

let served: ServedDoor | undefined;
afterEach(() => served?.close());

describe.each(doors)('the %s door', (_name, serve) => {
  async function setUp(options: { credential?: string } = { credential: 'srv_1:secret' }) {
    const issuer = makeIssuer();
    const seen: unknown[] = [];
    served = await serve({ issuer: ISSUER, resource: RESOURCE, fetch: issuer.fetch, reports: false, ...options }, ({ auth }) => {
      seen.push(auth);
      return { headers: { 'content-type': 'application/json' }, body: '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}' };
    });
    const send = (key: string | undefined, { tool = 'list_issues', query = '' } = {}) =>
      (served as ServedDoor).send(`/mcp${query}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(key !== undefined && { authorization: `Bearer ${key}` }) },
        body: call(tool),
      });
    return { issuer, seen, send };
  }

  it('ABUSE-63: lets an API key do what it may, and tells the handler who it is', async () => {
    const { seen, send } = await setUp();
    expect((await send(KEY)).status).toBe(200);
    expect(seen).toMatchObject([{ clientId: 'key_1', scopes: ['tool:list_issues'], extra: { subject: 'svc_1' } }]);
    const refused = await send(KEY, { tool: 'delete_issue' });
    expect(refused.status).toBe(403);
    expect(refused.headers.get('www-authenticate')).toContain('scope="tool:delete_issue"');
    expect(await refused.text()).not.toContain('widen');
  });

  it('ABUSE-63: an unknown one, another server’s, a mistyped one → 401; one that cannot be asked about → 503', async () => {
    const { issuer, send } = await setUp();
    for (const key of [UNKNOWN, FOREIGN, `${KEY}x`, 'tgk_']) {
      const answer = await send(key);
      expect([key, answer.status]).toEqual([key, 401]);
      expect(answer.headers.get('www-authenticate')).toContain('error="invalid_token"');
    }
    issuer.isDown = true;
    const away = await send(KEY);
    expect([away.status, away.headers.get('retry-after')]).toEqual([503, '5']);
  });

  it('ABUSE-63: in the query → 400, whatever the parameter is called, and beside a good header too', async () => {
    const { issuer, send } = await setUp();
    for (const name of ['access_token', 'api_key', 'key', 'x']) {
      for (const header of [undefined, KEY]) expect((await send(header, { query: `?${name}=${KEY}` })).status).toBe(400);
    }
    expect(issuer.count('/introspect')).toBe(0);
    expect((await send(KEY, { query: '?page=2' })).status).toBe(200);
  });

  it('a server without a credential refuses it', async () => {
    const { issuer, send } = await setUp({});
    expect((await send(KEY)).status).toBe(401);
    expect(issuer.asked).toEqual([]);
  });
});

describe('the SDK’s bearer middleware', () => {
  it('ABUSE-63: takes an API key through the hook', async () => {
    const issuer = makeIssuer();
    const options = { issuer: ISSUER, resource: RESOURCE, credential: 'srv_1:secret', fetch: issuer.fetch };
    const verifier = createSdkTokenVerifier(options, (message) => new RangeError(message));
    expect(await verifier.verifyAccessToken(KEY)).toMatchObject({ clientId: 'key_1', scopes: ['tool:list_issues'] });
    await expect(verifier.verifyAccessToken(UNKNOWN)).rejects.toBeInstanceOf(RangeError);
  });
});
