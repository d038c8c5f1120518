/**
 * The bare engine as a process of its own: the protocol engine with nothing of Toolgrant around it, everything in memory,
 * set up to do the same protocol work. Started by `bare.ts`, which tells it to make codes.
 */
import { once } from 'node:events';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';
import type { CodeRequest } from './contender.ts';
import { allowedTools, resource } from './contender.ts';
import { MemoryStore } from './memory-adapter.ts';

/** What the parent process says: codes are to be made, or access tokens. */
export interface BareCommand {
  make: 'codes' | 'tokens';
  request: CodeRequest;
  count: number;
}

const scope = allowedTools.map((tool) => `tool:${tool}`).join(' ');
const lifetimeSeconds = 86_400;

const [port] = process.argv.slice(2).map(Number);
const issuer = `http://127.0.0.1:${port}`;
const store = new MemoryStore();
const provider = await createProvider();
await once(provider.listen(port as number, '127.0.0.1'), 'listening');
process.on('message', ({ make, request, count }: BareCommand) => {
  void (make === 'codes' ? makeCodes : makeTokens)(request, count).then((made) => process.send?.({ made }));
});
process.on('disconnect', () => process.exit());
process.send?.({ ready: true });

async function createProvider(): Promise<Provider> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const key = { ...(await exportJWK(privateKey)), kid: 'bench', alg: 'ES256', use: 'sig' };
  return new Provider(issuer, {
    adapter: store.adapter,
    jwks: { keys: [key] },
    responseTypes: ['code'],
    scopes: ['openid', 'offline_access'],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    pkce: { required: () => true },
    cookies: { keys: ['bench'] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      userinfo: { enabled: false },
      registration: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: async () => true,
        getResourceServerInfo: () => ({
          scope,
          audience: resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 900,
          jwt: { sign: { alg: 'ES256', kid: 'bench' } },
        }),
      },
    },
    interactions: { url: () => '/none' },
    findAccount: async (_ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    expiresWithSession: async () => false,
    issueRefreshToken: async () => true,
    rotateRefreshToken: true,
    ttl: {
      AccessToken: 900,
      AuthorizationCode: lifetimeSeconds,
      ClientCredentials: 900,
      Grant: lifetimeSeconds,
      IdToken: 900,
      Interaction: 600,
      RefreshToken: lifetimeSeconds,
      Session: lifetimeSeconds,
    },
  });
}

async function makeCodes(request: CodeRequest, count: number): Promise<string[]> {
  store.forgetGrants();
  const { clientId, redirectUri, codeChallenge } = request;
  const client = await provider.Client.find(clientId);
  if (!client) throw new Error('the client is not registered here');
  const codes: string[] = [];
  for (let made = 0; made < count; made += 1) {
    const accountId = `person-${made}`;
    const grant = new provider.Grant({ accountId, clientId });
    grant.addResourceScope(resource, scope);
    const grantId = await grant.save();
    const code = new provider.AuthorizationCode({
      client,
      accountId,
      grantId,
      redirectUri,
      resource,
      scope,
      codeChallenge,
      codeChallengeMethod: 'S256',
      authTime: Math.floor(Date.now() / 1_000),
      gty: 'authorization_code',
    } as never);
    codes.push(await code.save());
  }
  return codes;
}

/** Access tokens that the engine looks up when it is asked: it stores no others, and answers for none that it did not store. */
async function makeTokens({ clientId }: CodeRequest, count: number): Promise<string[]> {
  const client = await provider.Client.find(clientId);
  if (!client) throw new Error('the client is not registered here');
  return Promise.all(
    Array.from({ length: count }, async (_, place) => {
      const accountId = `person-${place}`;
      const grant = new provider.Grant({ accountId, clientId });
      grant.addOIDCScope('openid');
      const grantId = await grant.save();
      const token = new provider.AccessToken({ client, accountId, grantId, scope: 'openid', gty: 'authorization_code' } as never);
      return token.save();
    }),
  );
}
