import { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { registerReadingTools } from './reading-tools.ts';
import { registerRiskyTools } from './risky-tools.ts';
import type { Tracker } from './tracker.ts';
import { registerWritingTools } from './writing-tools.ts';

/** Makes an MCP server over a tracker. One per request: the SDK serves each exchange with its own. */
export function createTrackerServer(tracker: Tracker): McpServer {
  const server = new McpServer(
    { name: 'tracker', title: 'Tracker', version: '1.0.0' },
    { instructions: 'An issue tracker with a handful of made-up issues. Start with list_issues.' },
  );
  registerReadingTools(server, tracker);
  registerWritingTools(server, tracker);
  registerRiskyTools(server, tracker);

  server.registerResource(
    'summary',
    'tracker://summary',
    { title: 'Summary', description: 'Where the project stands, in a few lines.', mimeType: 'text/plain' },
    (uri) => ({ contents: [{ uri: uri.href, mimeType: 'text/plain', text: tracker.summary() }] }),
  );

  server.registerPrompt(
    'triage_issue',
    {
      title: 'Triage an issue',
      description: 'Asks for a decision about one issue.',
      argsSchema: z.object({ id: z.string().describe('The number of the issue') }),
    },
    ({ id }) => ({
      messages: [
        {
          role: 'user',
          content: {
            type: 'text',
            text: `Read issue ${id} and its comments. Say how urgent it is, who should take it, and what to do first.`,
          },
        },
      ],
    }),
  );
  return server;
}
