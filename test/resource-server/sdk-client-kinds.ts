import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';

/** What both generations of clients can do, as the tests use it. */
export interface AnyClient {
  listTools(): Promise<{ tools: { name: string }[] }>;
  callTool(call: { name: string; arguments: Record<string, unknown> }): Promise<Record<string, unknown>>;
  readResource(read: { uri: string }): Promise<unknown>;
  getPrompt(get: { name: string; arguments: Record<string, string> }): Promise<unknown>;
  getServerCapabilities(): object | undefined;
  close(): Promise<void>;
}

const INFO = { name: 'test', version: '1.0.0' };

/** Each client of the SDKs, under its name, and how it connects. */
export const sdkClients: readonly [string, (url: URL, requestInit: RequestInit) => Promise<AnyClient>][] = [
  [
    'SDK v1',
    async (url, requestInit) => {
      const client = new ClientV1(INFO);
      await client.connect(new TransportV1(url, { requestInit }) as Transport);
      return client as unknown as AnyClient;
    },
  ],
  [
    'SDK v2, old era',
    async (url, requestInit) => {
      const client = new ClientV2(INFO, { versionNegotiation: { mode: 'legacy' } });
      await client.connect(new TransportV2(url, { requestInit }));
      return client as unknown as AnyClient;
    },
  ],
  [
    'SDK v2, stateless era',
    async (url, requestInit) => {
      const client = new ClientV2(INFO, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
      await client.connect(new TransportV2(url, { requestInit }));
      return client as unknown as AnyClient;
    },
  ],
];
