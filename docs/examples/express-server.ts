import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import express from 'express';
import { protect } from 'toolgrant/resource-server/express';

const app = express();
app.use(protect({ issuer: 'http://localhost:4000', resource: 'http://localhost:3000/mcp', credential: process.env.NOTES_CREDENTIAL }));

app.post('/mcp', async (request, response) => {
  const server = new McpServer({ name: 'notes', version: '1.0.0' });
  const reads = { readOnlyHint: true, openWorldHint: false };
  server.registerTool('read_notes', { annotations: reads }, () => ({ content: [{ type: 'text', text: 'Buy milk.' }] }));
  server.registerTool('erase_notes', {}, () => ({ content: [{ type: 'text', text: 'All gone.' }] }));
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  await server.connect(transport);
  await transport.handleRequest(request, response, request.body);
});

app.listen(3000);
