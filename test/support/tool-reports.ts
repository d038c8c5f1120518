/** What a server reports, as it goes over the wire. */
import { randomToken } from '../../src/platform/random.ts';
import type { RawResponse } from './http-exchange.ts';
import type { TestServer } from './issuer.ts';
import { basic, claimsOf, type IssuerDoor, postJson, type Tokens } from './oauth-client.ts';

/** A report of a call that was made with a token; members may be replaced, or left out by `undefined`. */
export function reportOf(token: Pick<Tokens, 'access_token'>, members: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const { sub, client_id: client, consent, status } = claimsOf(token.access_token);
  const { uri, idx } = (status as { status_list: { uri: string; idx: number } }).status_list;
  return {
    id: `rpt_${randomToken(16)}`,
    at: new Date().toISOString(),
    subject: sub,
    client,
    consent,
    status: { uri, index: idx },
    tool: 'list_issues',
    outcome: 'success',
    durationMs: 12,
    argumentBytes: 2,
    resultBytes: 345,
    argumentDigest: 'a'.repeat(43),
    ...members,
  };
}

/** What the issuer says about a batch. */
export interface ReportsAnswer {
  accepted: number;
  known: number;
  refused: { index: number; member: string; message: string }[];
  now: string;
}

/** Sends a batch with a server's credential. */
export function postReports(
  issuer: IssuerDoor,
  server: Pick<TestServer, 'serverId' | 'credential'>,
  reports: readonly unknown[],
  others: Readonly<Record<string, unknown>> = {},
): Promise<RawResponse> {
  return postJson(issuer, '/servers/reports', { reports, ...others }, basic(server.serverId, server.credential));
}
