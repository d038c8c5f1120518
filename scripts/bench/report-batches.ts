/** What MCP servers send about tool calls: batches as the library makes them under load. */
import { randomBytes } from 'node:crypto';
import { allowedTools, type Questions } from './contenders/contender.ts';
import type { Lane } from './load.ts';

/** How many calls a batch tells of. */
export const reportsPerBatch = 100;

/** So many server processes send at the same time; each has one batch under way. */
const senders = 4;

/** Senders that tell of calls by many people, of each tool in turn; some fail. */
export function makeReportLanes({ authorization, tokens }: Questions): Lane[] {
  const callers = tokens.map(describeCaller);
  const headers = { authorization, 'content-type': 'application/json', accept: 'application/json' };
  const answered = (body: string) => {
    if (!body.includes(`"accepted":${reportsPerBatch}`)) throw new Error(`a batch was not kept: ${body.slice(0, 500)}`);
  };
  return Array.from({ length: senders }, (_, sender) => {
    let turn = sender;
    const next = () => {
      const at = new Date().toISOString();
      const reports = Array.from({ length: reportsPerBatch }, () => {
        turn += 1;
        return {
          ...callers[turn % callers.length],
          id: randomBytes(16).toString('hex'),
          at,
          tool: allowedTools[turn % allowedTools.length],
          outcome: turn % 20 === 0 ? 'failure' : 'success',
          durationMs: turn % 500,
          argumentBytes: turn % 300,
          resultBytes: 2_000,
          argumentDigest: randomBytes(32).toString('base64url'),
          traceId: randomBytes(16).toString('hex'),
        };
      });
      return { method: 'POST', path: '/servers/reports', headers, body: JSON.stringify({ reports }) } as const;
    };
    return { expectedStatus: 200, next, answered };
  });
}

function describeCaller(token: string): Record<string, unknown> {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  const { uri, idx: index } = claims.status.status_list;
  return { subject: claims.sub, client: claims.client_id, consent: claims.consent, status: { uri, index } };
}
