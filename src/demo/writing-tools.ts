import type { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { describeIssue, issueId, text } from './tool-text.ts';
import type { Tracker } from './tracker.ts';

const WRITES = { readOnlyHint: false, destructiveHint: false, openWorldHint: false };

/** Tools that add or change something that can be changed back. */
export function registerWritingTools(server: McpServer, tracker: Tracker): void {
  server.registerTool(
    'create_issue',
    {
      title: 'Create an issue',
      description: 'Opens a new issue.',
      inputSchema: z.object({
        title: z.string().min(1).max(200).describe('One line'),
        description: z.string().max(10_000).default('').describe('What is wrong or wanted'),
        labels: z.array(z.string().min(1).max(50)).max(10).default([]).describe('Labels such as "bug"'),
      }),
      annotations: { ...WRITES, idempotentHint: false },
    },
    (facts) => text(`Created:\n${describeIssue(tracker.createIssue(facts))}`),
  );

  server.registerTool(
    'comment_on_issue',
    {
      title: 'Comment on an issue',
      description: 'Adds a comment, signed with the name given.',
      inputSchema: z.object({
        id: issueId,
        author: z.string().min(1).max(100).default('agent').describe('Who says it'),
        text: z.string().min(1).max(10_000).describe('The comment'),
      }),
      annotations: { ...WRITES, idempotentHint: false },
    },
    ({ id, author, text: words }) => {
      const issue = tracker.comment(id, author, words);
      return text(`Issue ${id} now has ${issue.comments.length} comment(s).`);
    },
  );

  server.registerTool(
    'assign_issue',
    {
      title: 'Assign an issue',
      description: 'Makes one person responsible for an issue.',
      inputSchema: z.object({ id: issueId, assignee: z.string().max(100).describe('A name from list_people') }),
      annotations: { ...WRITES, idempotentHint: true },
    },
    ({ id, assignee }) => text(describeIssue(tracker.assign(id, assignee))),
  );

  server.registerTool(
    'close_issue',
    {
      title: 'Close an issue',
      description: 'Marks an issue as done. It can be reopened.',
      inputSchema: z.object({ id: issueId }),
      annotations: { ...WRITES, idempotentHint: true },
    },
    ({ id }) => text(describeIssue(tracker.setStatus(id, 'closed'))),
  );

  server.registerTool(
    'reopen_issue',
    {
      title: 'Reopen an issue',
      description: 'Marks a closed issue as open again.',
      inputSchema: z.object({ id: issueId }),
      annotations: { ...WRITES, idempotentHint: true },
    },
    ({ id }) => text(describeIssue(tracker.setStatus(id, 'open'))),
  );
}
