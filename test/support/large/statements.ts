/** The statements that the product sends, and what the database makes of them. */
import { jest } from '@jest/globals';
import { Client } from 'pg';

/** Notes the statements that are sent from now on, by anybody but `besides`, until mocks are restored. */
export function watchStatements(besides: Client, isWanted: (sql: string) => boolean = () => true): string[] {
  const sent: string[] = [];
  const send = Client.prototype.query as (...args: unknown[]) => unknown;
  jest.spyOn(Client.prototype, 'query').mockImplementation(function (this: Client, ...args: unknown[]) {
    const [query] = args as [string | { text?: string }];
    const text = typeof query === 'string' ? query : query.text;
    if (text !== undefined && this !== besides && isWanted(text)) sent.push(text);
    return send.apply(this, args);
  } as never);
  return sent;
}

/** Each statement once that reads or writes rows. */
export function distinctStatements(sent: readonly string[]): string[] {
  return [...new Set(sent)].filter((sql) => /^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b/i.test(sql));
}

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  Plans?: PlanNode[];
}

/** How the database goes about a statement. */
export interface StatementPlan {
  sql: string;
  /** The tables that it reads from end to end. */
  scanned: string[];
  /** Whether it sorts anything. */
  sorts: boolean;
}

/** Asks the database for the plan that it has for a statement whatever its values are. */
export async function explainStatement(client: Client, sql: string): Promise<StatementPlan> {
  const { rows } = await client.query(`EXPLAIN (GENERIC_PLAN, FORMAT JSON) ${sql}`);
  const nodes = nodesOf(rows[0]['QUERY PLAN'][0].Plan);
  return {
    sql,
    scanned: nodes.flatMap((node) => (node['Node Type'] === 'Seq Scan' ? (node['Relation Name'] ?? []) : [])),
    sorts: nodes.some((node) => node['Node Type'].includes('Sort')),
  };
}

function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}
