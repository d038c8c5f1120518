import { randomUUID } from 'node:crypto';
import {
  Client,
  type OAuthClientProvider,
  type OAuthDiscoveryState,
  type StoredOAuthClientInformation,
  type StoredOAuthTokens,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client';
import { openCallbackListener } from './callback-listener.ts';
import { forget, type KeptCredentials, noCredentials } from './kept-credentials.ts';
import { outcomeOf, type TestMcpClient } from './mcp-client.ts';
import { recordTraffic } from './recorded-traffic.ts';

type Kept = KeptCredentials<StoredOAuthClientInformation, StoredOAuthTokens, OAuthDiscoveryState>;

/** How {@link createSdkV2Client} behaves. */
export interface SdkV2Options {
  readonly clientName: string;
  /** `auto` speaks the newest revision; `legacy` is the handshake of 2025. Default: `auto`. */
  readonly era?: 'auto' | 'legacy';
}

/**
 * A client on `@modelcontextprotocol/client` v2, unmodified. Public (`none`); names its grant types, which makes the SDK
 * add `offline_access` and `prompt=consent`; keeps discovery, without which v2 refuses the answer.
 */
export async function createSdkV2Client(serverUrl: string, options: SdkV2Options): Promise<TestMcpClient> {
  const callback = await openCallbackListener();
  const traffic = recordTraffic();
  const kept: Kept = noCredentials();
  const authProvider = providerOf(kept, { redirectUrl: callback.redirectUri, clientName: options.clientName });
  const newTransport = () => new StreamableHTTPClientTransport(new URL(serverUrl), { authProvider, fetch: traffic.fetch });
  let transport = newTransport();
  let client = newClient(options);
  return {
    callback,
    traffic,
    async connect() {
      await client.close();
      client = newClient(options);
      transport = newTransport();
      await client.connect(transport);
    },
    protocolVersion: () => client.getNegotiatedProtocolVersion(),
    async listTools() {
      const { tools } = await client.listTools(undefined, { cacheMode: 'refresh' });
      return tools.map(({ name }) => name).sort();
    },
    callTool: async (name, args = {}) => outcomeOf(await client.callTool({ name, arguments: args })),
    takeAuthorizationUrl() {
      const url = kept.authorizationUrl;
      if (!url) throw new Error('SDK v2 did not ask for authorization');
      kept.authorizationUrl = undefined;
      return url;
    },
    async finish() {
      const answer = await callback.next();
      if (answer.get('state') !== kept.state) throw new Error(`state came back as ${answer.get('state')}`);
      await transport.finishAuth(answer);
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

function newClient({ clientName, era = 'auto' }: SdkV2Options): Client {
  return new Client({ name: clientName, version: '1.0.0' }, { versionNegotiation: { mode: era } });
}

function providerOf(kept: Kept, { redirectUrl, clientName }: { redirectUrl: string; clientName: string }): OAuthClientProvider {
  return {
    redirectUrl,
    clientMetadata: {
      client_name: clientName,
      redirect_uris: [redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
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
    saveDiscoveryState(discovery) {
      kept.discovery = discovery;
    },
    discoveryState: () => kept.discovery,
    invalidateCredentials: (what) => forget(kept, what),
  };
}
