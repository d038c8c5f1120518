/** An MCP server made of bare HTTP, so that it can say things no library would: for reading catalogues. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the server answers; all of it may be changed while it runs. */
export interface RawMcpBehaviour {
  /** Revisions it speaks: `legacy` answers `initialize`, `modern` answers `server/discover`. */
  era: 'legacy' | 'modern';
  /** The result of `tools/list`; may be anything. A text is taken as the JSON it is. */
  listTools: (cursor: string | undefined) => unknown;
  /** Answers instead of the server: with a status, headers and a body. */
  intercept?: (headers: IncomingHttpHeaders, response: ServerResponse) => boolean;
  /** Opens a session that the client must name. */
  session?: string;
  /** Answers as a stream of events instead of one JSON body. */
  asEvents?: boolean;
}

/** A server that runs. */
export interface RawMcpServer {
  resource: string;
  behaviour: RawMcpBehaviour;
  /** The headers of every request so far. */
  requests: IncomingHttpHeaders[];
  /** Sessions that were ended by their client. */
  endedSessions: string[];
  /** What the client said last that it can do. */
  declared: Readonly<Record<string, unknown>>;
  stop(): Promise<void>;
}

interface Message {
  id?: string | number;
  method?: string;
  params?: { cursor?: string; capabilities?: Record<string, unknown>; _meta?: Record<string, unknown> };
}

/** Starts a server on a free loopback port. */
export async function startRawMcpServer(behaviour: Partial<RawMcpBehaviour> = {}): Promise<RawMcpServer> {
  const raw: Omit<RawMcpServer, 'resource' | 'stop'> = {
    behaviour: { era: 'legacy', listTools: () => ({ tools: [] }), ...behaviour },
    requests: [],
    endedSessions: [],
    declared: {},
  };
  const server = createServer(async (request, response) => {
    raw.requests.push(request.headers);
    if (raw.behaviour.intercept?.(request.headers, response)) return;
    const { session } = raw.behaviour;
    if (request.method === 'DELETE' && session !== undefined) {
      raw.endedSessions.push(String(request.headers['mcp-session-id']));
      response.writeHead(204).end();
      return;
    }
    if (request.method !== 'POST') {
      response.writeHead(405).end();
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const message = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Message;
    if (message.id === undefined) {
      response.writeHead(202).end();
      return;
    }
    const declared = message.params?.capabilities ?? message.params?._meta?.['io.modelcontextprotocol/clientCapabilities'];
    if (declared) raw.declared = declared as RawMcpServer['declared'];
    const body = spell(message, raw.behaviour);
    if (session !== undefined) response.setHeader('Mcp-Session-Id', session);
    if (raw.behaviour.asEvents) {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end(`event: message\ndata: ${body}\n\n`);
    } else response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(raw, {
    resource: `http://127.0.0.1:${port}/mcp`,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

function spell(message: Message, behaviour: RawMcpBehaviour): string {
  const envelope = { jsonrpc: '2.0', id: message.id };
  const answered = answer(message, behaviour);
  // Deeper than `JSON.stringify` goes, for one.
  if (typeof answered.result === 'string') return `${JSON.stringify(envelope).slice(0, -1)},"result":${answered.result}}`;
  return JSON.stringify({ ...envelope, ...answered });
}

function answer({ method, params }: Message, { era, listTools }: RawMcpBehaviour): { result?: unknown; error?: unknown } {
  const serverInfo = { name: 'raw', version: '1' };
  const capabilities = { tools: {} };
  if (era === 'legacy' && method === 'initialize') return { result: { protocolVersion: '2025-06-18', capabilities, serverInfo } };
  if (era === 'modern' && method === 'server/discover') {
    return {
      result: {
        resultType: 'complete',
        supportedVersions: ['2026-07-28'],
        capabilities,
        ttlMs: 0,
        cacheScope: 'private',
        _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo },
      },
    };
  }
  if (method === 'tools/list') {
    const result = listTools(params?.cursor);
    const isObject = typeof result === 'object' && result !== null && !Array.isArray(result);
    return { result: isObject && era === 'modern' ? { resultType: 'complete', ttlMs: 0, cacheScope: 'private', ...result } : result };
  }
  return { error: { code: -32601, message: 'Method not found' } };
}
