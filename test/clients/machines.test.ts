/** Programs without a person, by the official SDKs' own providers, against the whole product. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  ClientCredentialsProvider as ClientCredentialsV2,
  Client as ClientV2,
  PrivateKeyJwtProvider as PrivateKeyJwtV2,
  type OAuthClientProvider as ProviderV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client';
import type { OAuthClientProvider as ProviderV1 } from '@modelcontextprotocol/sdk/client/auth.js';
import {
  ClientCredentialsProvider as ClientCredentialsV1,
  PrivateKeyJwtProvider as PrivateKeyJwtV1,
} from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { ServerId } from '../../src/domain/ids.ts';
import { assignTools } from '../../src/services/assign-tools.ts';
import { type ClientKey, makeClientKey } from '../support/client-assertion.ts';
import { makeApiKey, makeMachine } from '../support/machine.ts';
import { claimsOf } from '../support/oauth-client.ts';
import { startWhole, type Whole } from '../support/whole.ts';

let whole: Whole;
let server: { serverId: string };
let key: ClientKey;

beforeAll(async () => {
  whole = await startWhole();
  const row = await whole.issuer.runtime.store.server.findFirstOrThrow({ where: { resource: whole.resource } });
  server = { serverId: row.id };
  key = await makeClientKey();
});
afterAll(() => whole?.stop());
afterEach(() => expect(whole.faults).toEqual([]));

/** What both generations of clients can do, as the tests use it. */
interface AnyClient {
  listTools(): Promise<{ tools: { name: string }[] }>;
  callTool(call: { name: string; arguments: Record<string, unknown> }): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

interface Sdk {
  bySecret(clientId: string, clientSecret: string): ProviderV1 | ProviderV2;
  byKey(clientId: string): ProviderV1 | ProviderV2;
  connect(how: { authProvider?: ProviderV1 | ProviderV2; requestInit?: RequestInit }): Promise<AnyClient>;
}

const info = { name: 'nightly', version: '1.0.0' };
const sdks: [string, Sdk][] = [
  [
    'SDK v1',
    {
      bySecret: (clientId, clientSecret) => new ClientCredentialsV1({ clientId, clientSecret, expectedIssuer: whole.issuer.url }),
      byKey: (clientId) =>
        new PrivateKeyJwtV1({
          clientId,
          privateKey: key.privateJwk as Record<string, unknown>,
          algorithm: 'ES256',
          expectedIssuer: whole.issuer.url,
        }),
      connect: async (how) => {
        const client = new ClientV1(info);
        await client.connect(new TransportV1(new URL(whole.resource), how as { authProvider?: ProviderV1 }) as Transport);
        return client as unknown as AnyClient;
      },
    },
  ],
  [
    'SDK v2',
    {
      bySecret: (clientId, clientSecret) => new ClientCredentialsV2({ clientId, clientSecret, expectedIssuer: whole.issuer.url }),
      byKey: (clientId) =>
        new PrivateKeyJwtV2({
          clientId,
          privateKey: key.privateJwk as Record<string, unknown>,
          algorithm: 'ES256',
          expectedIssuer: whole.issuer.url,
        }),
      connect: async (how) => {
        const client = new ClientV2(info);
        await client.connect(new TransportV2(new URL(whole.resource), how as { authProvider?: ProviderV2 }));
        return client as unknown as AnyClient;
      },
    },
  ],
];

const names = async (client: AnyClient) => (await client.listTools()).tools.map(({ name }) => name).toSorted();
const assigned = () => ({ server, tools: ['get_issue', 'list_issues'] });

describe.each(sdks)('%s', (_name, sdk) => {
  it('MCP-41: ClientCredentialsProvider finds the issuer, gets a token, and may use what is assigned', async () => {
    const machine = await makeMachine(whole.issuer, { assigned: assigned() });
    const authProvider = sdk.bySecret(machine.clientId, machine.secret);
    const client = await sdk.connect({ authProvider });
    expect(await names(client)).toEqual(['get_issue', 'list_issues']);
    expect(await client.callTool({ name: 'get_issue', arguments: { id: 2 } })).toMatchObject({
      content: [{ type: 'text', text: expect.stringContaining('Invoices') }],
    });
    await expect(client.callTool({ name: 'delete_issue', arguments: { id: 1 } })).rejects.toThrow();
    expect(whole.demo.tracker.getIssue(1).id).toBe(1);
    const tokens = (await authProvider.tokens()) as { access_token: string; refresh_token?: string };
    expect(claimsOf(tokens.access_token)).toMatchObject({ sub: machine.serviceAccountId, client_id: machine.clientId });
    expect(tokens.refresh_token).toBeUndefined();
    await client.close();
  });

  it('MCP-41: PrivateKeyJwtProvider proves itself by its key', async () => {
    const options = { assigned: assigned(), authMethod: 'private_key_jwt', jwks: { keys: [key.publicJwk] } };
    const { clientId } = await makeMachine(whole.issuer, options);
    const client = await sdk.connect({ authProvider: sdk.byKey(clientId) });
    expect(await names(client)).toEqual(['get_issue', 'list_issues']);
    await client.close();
  });

  it('ABUSE-61, ABUSE-62: is wider and narrower with its assignment, by asking for another token', async () => {
    const machine = await makeMachine(whole.issuer, { assigned: assigned() });
    const client = await sdk.connect({ authProvider: sdk.bySecret(machine.clientId, machine.secret) });
    const choice = { serverId: server.serverId as ServerId, tools: ['list_people'], resources: false, prompts: false };
    const { runtime, tenant } = whole.issuer;
    const { serviceAccountId } = machine;
    await assignTools(runtime, tenant, { serviceAccountId, choice, origin: { actorType: 'operator' } });
    await client.close();
    const next = await sdk.connect({ authProvider: sdk.bySecret(machine.clientId, machine.secret) });
    expect(await names(next)).toEqual(['list_people']);
    await next.close();
    const bare = await makeMachine(whole.issuer);
    await expect(sdk.connect({ authProvider: sdk.bySecret(bare.clientId, bare.secret) })).rejects.toThrow(/assigned/);
  });

  it('ABUSE-63: an API key is taken as a Bearer token, and by ClientCredentialsProvider as the secret of its id', async () => {
    const apiKey = await makeApiKey(whole.issuer, assigned());
    const byHeader = await sdk.connect({ requestInit: { headers: { authorization: `Bearer ${apiKey.secret}` } } });
    const byProvider = await sdk.connect({ authProvider: sdk.bySecret(apiKey.id, apiKey.secret) });
    for (const client of [byHeader, byProvider]) {
      expect(await names(client)).toEqual(['get_issue', 'list_issues']);
      expect(await client.callTool({ name: 'list_issues', arguments: {} })).toMatchObject({ content: [{ type: 'text' }] });
      await client.close();
    }
  });
});
