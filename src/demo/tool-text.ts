import { z } from 'zod';
import type { Issue } from './tracker.ts';

/** The argument by which tools name an issue. */
export const issueId = z.number().int().positive().describe('The number of the issue');

/** A tool result of one text. */
export function text(words: string): { content: { type: 'text'; text: string }[] } {
  return { content: [{ type: 'text', text: words }] };
}

/** One line per issue. */
export function listed(issues: readonly Issue[]): string {
  const lines = issues.map(({ id, title, status, assignee }) => `#${id} [${status}] ${title} (${assignee ?? 'nobody'})`);
  return lines.join('\n') || 'No issues.';
}

/** An issue in full. */
export function describeIssue(issue: Issue): string {
  return [
    `#${issue.id} ${issue.title}`,
    `Status: ${issue.status}`,
    `Assignee: ${issue.assignee ?? 'nobody'}`,
    `Labels: ${issue.labels.join(', ') || 'none'}`,
    `Comments: ${issue.comments.length}`,
    '',
    issue.description,
  ].join('\n');
}
