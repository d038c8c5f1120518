import { randomUUID } from 'node:crypto';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import express from 'express';
import { protect } from 'toolgrant/resource-server/express';

const { DOOR_ISSUER, DOOR_RESOURCE, DOOR_CREDENTIAL, DOOR_IDLE_SECONDS, ...env } = process.env; // the server is told nothing of the door
const resource = DOOR_RESOURCE ?? 'http://localhost:3000/mcp';
const [command, ...args] = process.argv.slice(2);
if (command === undefined) throw new Error('Name the command that starts the server: node stdio-door.ts npx -y some-mcp-server');

const app = express();
app.use(protect({ issuer: DOOR_ISSUER ?? 'http://localhost:4000', resource, credential: DOOR_CREDENTIAL }));

// Each session has a process of the server to itself: what it remembers of one person, nobody else meets.
const sessions = new Map<string, StreamableHTTPServerTransport>();

async function openSession(program: string): Promise<StreamableHTTPServerTransport> {
  const inside = new StdioClientTransport({ command: program, args, env: env as Record<string, string> });
  const outside = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => void sessions.set(id, outside),
  });
  const warn = (error: Error) => void process.stderr.write(`${error.message}\n`); // a caller who hung up, a line that is no message
  outside.onmessage = (message) => void inside.send(message).catch(warn);
  inside.onmessage = (message) => void outside.send(message).catch(warn);
  inside.onerror = warn;
  inside.onclose = () => void outside.close();
  outside.onclose = () => {
    sessions.delete(outside.sessionId ?? '');
    void inside.close();
  };
  await inside.start();
  return outside;
}

// Clients rarely say that they are done: a process that nobody has used for half an hour ends.
const idleMs = Number(DOOR_IDLE_SECONDS ?? 1_800) * 1_000;
const uses = new WeakMap<StreamableHTTPServerTransport, { open: number; timer?: NodeJS.Timeout }>();

function noteUse(session: StreamableHTTPServerTransport, response: express.Response): void {
  const use = uses.get(session) ?? { open: 0 };
  uses.set(session, use);
  use.open += 1;
  clearTimeout(use.timer);
  response.once('close', () => {
    use.open -= 1;
    if (use.open === 0) use.timer = setTimeout(() => void session.close(), idleMs);
  });
}

app.all(new URL(resource).pathname, async (request, response) => {
  const id = request.header('mcp-session-id');
  const isNew = id === undefined && isInitializeRequest(request.body);
  const session = isNew ? await openSession(command) : sessions.get(id ?? '');
  if (session === undefined) {
    const error = { code: -32000, message: id === undefined ? 'Initialize first' : 'Session not found' };
    response.status(id === undefined ? 400 : 404).json({ jsonrpc: '2.0', id: null, error });
    return;
  }
  noteUse(session, response);
  await session.handleRequest(request, response, request.body);
});

app.listen(Number(new URL(resource).port));
