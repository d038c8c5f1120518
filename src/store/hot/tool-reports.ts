/**
 * A batch of reported tool calls, in one statement: each is judged by what it says allowed it, kept as an audit event unless it is
 * there already, and counted for its person's page. Prepared, around Prisma: by the row `reports` of the bench this is what makes
 * thousands of calls a second.
 */
import type { ServerId, TenantId } from '../../domain/ids.ts';
import type { DroppedReports, ToolReport } from '../../domain/tool-report.ts';
import { poolOf, type Store } from '../client.ts';

/** A report with the id of its event, which follows from the server's id for it. */
export interface NamedReport {
  eventId: string;
  report: ToolReport;
  /** What the event says beside its columns. */
  detail: Readonly<Record<string, unknown>>;
}

/** What became of a report. `consent`, `machine` (without a consent), `tool`: it names none that there is, for this subject and server. */
export type ReportFate = 'kept' | 'known' | 'consent' | 'machine' | 'tool';

const types = { begun: 'tool.begun', success: 'tool.called', failure: 'tool.called', denied: 'tool.refused' } as const;

const keepReports = `
  WITH report AS MATERIALIZED (
    SELECT r.*, COALESCE(k.id, y.id, a.id) AS via, t.name IS NOT NULL AS has_tool,
      COALESCE(k.id, y.id, a.id) IS NOT NULL AND (t.name IS NOT NULL OR r.type = 'tool.refused') AS is_sound,
      y.id AS api_key, v.version, n.id AS installation
    FROM json_to_recordset($3::json) AS r (
      id text, at timestamptz, type text, outcome text, subject text, client text, consent text, tool text, list integer, index integer,
      request text, trace text, detail jsonb)
    LEFT JOIN consents k ON k.tenant_id = $1 AND k.id = r.consent AND k.server_id = $2 AND k.user_id = r.subject AND k.client_id = r.client
    LEFT JOIN LATERAL (
      SELECT version FROM consent_versions WHERE tenant_id = $1 AND consent_id = k.id
      ORDER BY decided_at <= r.at DESC, version DESC LIMIT 1
    ) v ON true
    LEFT JOIN api_keys y ON r.consent IS NULL AND y.tenant_id = $1 AND y.id = r.client AND y.server_id = $2
      AND COALESCE(y.user_id, y.service_account_id) = r.subject
    LEFT JOIN clients c ON r.consent IS NULL AND c.tenant_id = $1 AND c.id = r.client AND c.service_account_id = r.subject
    LEFT JOIN tool_assignments a ON a.tenant_id = $1 AND a.service_account_id = c.service_account_id AND a.server_id = $2
    LEFT JOIN status_entries e ON e.tenant_id = $1 AND e.list = r.list AND e.index = r.index
    LEFT JOIN installations n ON n.tenant_id = $1 AND n.id = e.installation_id AND n.consent_id = k.id
    LEFT JOIN tools t ON t.tenant_id = $1 AND t.server_id = $2 AND t.name = r.tool
  ), kept AS (
    INSERT INTO audit_events (tenant_id, id, at, type, assurance, actor_type, actor_id, user_id, client_id, api_key_id, server_id,
      consent_id, consent_version, installation_id, tool, outcome, request_id, trace_id, detail)
    SELECT $1, id, at, type, 'reported', 'client', client, subject, CASE WHEN api_key IS NULL THEN client END, api_key, $2,
      consent, version, installation, tool, outcome, request, trace, detail
    FROM report WHERE is_sound
    ON CONFLICT DO NOTHING RETURNING id
  ), counted AS (
    INSERT INTO tool_uses AS u (tenant_id, user_id, day, consent_id, tool, assurance, calls, failures, refusals, last_at)
    SELECT $1, subject, (at AT TIME ZONE 'UTC')::date, via, CASE WHEN has_tool THEN tool ELSE '' END, 'reported',
      count(*) FILTER (WHERE type = 'tool.called'), count(*) FILTER (WHERE outcome = 'failure'),
      count(*) FILTER (WHERE type = 'tool.refused'), max(at)
    FROM report JOIN kept USING (id) WHERE type <> 'tool.begun' GROUP BY 2, 3, 4, 5 ORDER BY 2, 3, 4, 5
    ON CONFLICT (tenant_id, user_id, day, consent_id, tool, assurance) DO UPDATE SET calls = u.calls + EXCLUDED.calls,
      failures = u.failures + EXCLUDED.failures, refusals = u.refusals + EXCLUDED.refusals, last_at = GREATEST(u.last_at, EXCLUDED.last_at)
  ), noted AS (
    INSERT INTO audit_events (tenant_id, id, at, type, assurance, actor_type, actor_id, server_id, outcome, detail)
    SELECT $1, $4, $5, 'server.reports-dropped', 'reported', 'server', $2, $2, 'failure', $6::jsonb WHERE $4::text IS NOT NULL
    ON CONFLICT DO NOTHING
  )
  SELECT report.id, CASE WHEN via IS NULL AND consent IS NULL THEN 'machine' WHEN via IS NULL THEN 'consent' WHEN NOT is_sound THEN 'tool'
    WHEN kept.id IS NULL THEN 'known' ELSE 'kept' END AS fate
  FROM report LEFT JOIN kept USING (id)`;

/**
 * Keeps the reports of one server, all that can be true of them, and commits. Returns what became of each, by the id of its event,
 * none of which may come twice.
 */
export async function keepToolReports(
  store: Store,
  { tenantId, serverId }: { tenantId: TenantId; serverId: ServerId },
  { reports, dropped }: { reports: readonly NamedReport[]; dropped?: { eventId: string; note: DroppedReports } },
): Promise<ReadonlyMap<string, ReportFate>> {
  const { rows } = await poolOf(store).query<{ id: string; fate: ReportFate }>({
    name: 'tool-reports',
    text: keepReports,
    values: [
      ...[tenantId, serverId, JSON.stringify(reports.map(toRow))],
      ...[dropped?.eventId, dropped?.note.at, dropped && JSON.stringify({ count: dropped.note.count, since: dropped.note.since })],
    ],
  });
  return new Map(rows.map(({ id, fate }) => [id, fate]));
}

function toRow({ eventId, report, detail }: NamedReport): Record<string, unknown> {
  const { at, subject, clientId, consentId, status, tool, outcome, requestId, traceId } = report;
  return {
    id: eventId,
    at,
    type: types[outcome],
    outcome: outcome === 'begun' ? 'success' : outcome,
    subject,
    client: clientId,
    consent: consentId,
    tool,
    ...status,
    request: requestId,
    trace: traceId,
    detail,
  };
}
