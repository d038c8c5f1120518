import type { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { describeIssue, issueId, listed, text } from './tool-text.ts';
import type { Tracker } from './tracker.ts';

const READS = { readOnlyHint: true, openWorldHint: false };

/** Tools that look and change nothing. */
export function registerReadingTools(server: McpServer, tracker: Tracker): void {
  server.registerTool(
    'list_issues',
    {
      title: 'List issues',
      description: 'Lists all issues with number, title, status and assignee.',
      inputSchema: z.object({ status: z.enum(['open', 'closed']).optional().describe('Only issues with this status') }),
      annotations: READS,
    },
    ({ status }) => text(listed(tracker.listIssues(status))),
  );

  server.registerTool(
    'get_issue',
    {
      title: 'Read an issue',
      description: 'Shows one issue with its description and the number of its comments.',
      inputSchema: z.object({ id: issueId }),
      annotations: READS,
    },
    ({ id }) => text(describeIssue(tracker.getIssue(id))),
  );

  server.registerTool(
    'search_issues',
    {
      title: 'Search issues',
      description: 'Finds issues whose title, description or labels contain some words.',
      inputSchema: z.object({ query: z.string().min(1).max(200).describe('Words to look for') }),
      annotations: READS,
    },
    ({ query }) => text(listed(tracker.searchIssues(query))),
  );

  server.registerTool(
    'list_comments',
    {
      title: 'Read comments',
      description: 'Shows all comments on one issue, oldest first.',
      inputSchema: z.object({ id: issueId }),
      annotations: READS,
    },
    ({ id }) => {
      const { comments } = tracker.getIssue(id);
      return text(comments.map(({ author, text: words }) => `${author}: ${words}`).join('\n') || 'No comments yet.');
    },
  );

  server.registerTool(
    'list_people',
    {
      title: 'List people',
      description: 'Names everybody to whom an issue can be assigned.',
      inputSchema: z.object({}),
      annotations: READS,
    },
    () => text(tracker.people.join('\n')),
  );
}
