import type { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { issueId, text } from './tool-text.ts';
import type { Tracker } from './tracker.ts';

const DESTROYS = { readOnlyHint: false, destructiveHint: true, openWorldHint: false };
const REACHES_OUT = { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true };

/** Tools that cannot be undone, and tools that reach people outside the tracker. */
export function registerRiskyTools(server: McpServer, tracker: Tracker): void {
  server.registerTool(
    'delete_issue',
    {
      title: 'Delete an issue',
      description: 'Removes an issue and its comments for good.',
      inputSchema: z.object({ id: issueId }),
      annotations: { ...DESTROYS, idempotentHint: true },
    },
    ({ id }) => text(`Deleted issue ${tracker.deleteIssue(id).id}.`),
  );

  server.registerTool(
    'purge_closed',
    {
      title: 'Delete all closed issues',
      description: 'Removes every closed issue for good.',
      inputSchema: z.object({}),
      annotations: { ...DESTROYS, idempotentHint: true },
    },
    () => text(`Deleted ${tracker.purgeClosed()} closed issue(s).`),
  );

  server.registerTool(
    'send_report_email',
    {
      title: 'Email a report',
      description: 'Sends a summary of all issues to an email address of your choice.',
      inputSchema: z.object({ to: z.email().max(320).describe('Who gets it') }),
      annotations: REACHES_OUT,
    },
    ({ to }) => {
      tracker.send({ channel: 'email', to, text: tracker.summary() });
      return text(`Sent to ${to}. (This is a demo: the message stays in its memory.)`);
    },
  );

  server.registerTool(
    'post_to_chat',
    {
      title: 'Post to the team chat',
      description: 'Posts a message where the whole team reads it.',
      inputSchema: z.object({ message: z.string().min(1).max(2_000).describe('What to say') }),
      annotations: REACHES_OUT,
    },
    ({ message }) => {
      tracker.send({ channel: 'chat', to: '#tracker', text: message });
      return text('Posted to #tracker. (This is a demo: the message stays in its memory.)');
    },
  );
}
