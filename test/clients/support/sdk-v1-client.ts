import { randomUUID } from 'node:crypto';
import type { OAuthClientProvider, OAuthDiscoveryState } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { OAuthClientInformationMixed, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import { openCallbackListener } from './callback-listener.ts';
import { forget, type KeptCredentials, noCredentials } from './kept-credentials.ts';
import { outcomeOf, type TestMcpClient } from './mcp-client.ts';
import { recordTraffic } from './recorded-traffic.ts';

type Kept = KeptCredentials<OAuthClientInformationMixed, OAuthTokens, OAuthDiscoveryState>;

/**
 * A client on `@modelcontextprotocol/sdk` v1, unmodified. It registers as the SDK's own example does: confidential, with
 * `client_secret_post`, no `application_type`. It keeps no discovery, so that each authorization asks for everything again.
 */
export async function createSdkV1Client(serverUrl: string, options: { clientName: string }): Promise<TestMcpClient> {
  const callback = await openCallbackListener();
  const traffic = recordTraffic();
  const kept: Kept = noCredentials();
  const authProvider = providerOf(kept, { redirectUrl: callback.redirectUri, clientName: options.clientName });
  const newTransport = () => new StreamableHTTPClientTransport(new URL(serverUrl), { authProvider, fetch: traffic.fetch });
  let transport = newTransport();
  let client = newClient(options.clientName);
  return {
    callback,
    traffic,
    async connect() {
      await client.close();
      client = newClient(options.clientName);
      transport = newTransport();
      await client.connect(transport);
    },
    protocolVersion: () => transport.protocolVersion,
    async listTools() {
      const { tools } = await client.listTools();
      return tools.map(({ name }) => name).sort();
    },
    callTool: async (name, args = {}) => outcomeOf(await client.callTool({ name, arguments: args })),
    takeAuthorizationUrl() {
      const url = kept.authorizationUrl;
      if (!url) throw new Error('SDK v1 did not ask for authorization');
      kept.authorizationUrl = undefined;
      return url;
    },
    async finish() {
      const answer = await callback.next();
      if (answer.get('state') !== kept.state) throw new Error(`state came back as ${answer.get('state')}`);
      const code = answer.get('code');
      if (code !== null) await transport.finishAuth(code);
      return answer;
    },
    clientId: () => kept.clientInformation?.client_id,
    tokens: () => kept.tokens,
    async close() {
      await client.close();
      await callback.close();
    },
  };
}

function newClient(name: string): Client {
  return new Client({ name, version: '1.0.0' });
}

function providerOf(kept: Kept, { redirectUrl, clientName }: { redirectUrl: string; clientName: string }): OAuthClientProvider {
  return {
    redirectUrl,
    clientMetadata: {
      client_name: clientName,
      redirect_uris: [redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_post',
    },
    state() {
      kept.state = randomUUID();
      return kept.state;
    },
    clientInformation: () => kept.clientInformation,
    saveClientInformation(information) {
      kept.clientInformation = information;
    },
    tokens: () => kept.tokens,
    saveTokens(tokens) {
      kept.tokens = tokens;
    },
    redirectToAuthorization(url) {
      kept.authorizationUrl = url;
    },
    saveCodeVerifier(verifier) {
      kept.codeVerifier = verifier;
    },
    codeVerifier() {
      if (kept.codeVerifier === undefined) throw new Error('no code verifier is kept');
      return kept.codeVerifier;
    },
    invalidateCredentials: (what) => forget(kept, what),
  };
}
