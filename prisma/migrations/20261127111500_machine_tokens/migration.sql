-- What machine clients that ask for a token are about, and the tokens they get; for several requests at once, under the settings of
-- `token_request_facts` and for its reasons.

-- One row for each request of a client that is not blocked, acts as an account that is not disabled, and is assigned something at the server.
CREATE FUNCTION machine_token_facts(p_requests json) RETURNS TABLE (
  n integer, metadata jsonb, secret_digest text, previous_secret_digest text, previous_secret_until timestamptz, kind text,
  client_created_at timestamptz, verified_at timestamptz, quarantined_at timestamptz, quarantine_ends_at timestamptz,
  identity_changed_at timestamptz, settings jsonb, standing text, service_account_id text, server_id text, resource text,
  catalogue_revision integer, assignment_id text, version integer, status_list integer, status_index integer, last_token_at timestamptz
) LANGUAGE plpgsql STABLE ROWS 8
  SET plan_cache_mode = force_generic_plan SET join_collapse_limit = 1
  SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT r.n, f.* FROM json_to_recordset(p_requests) AS r (n integer, tenant_id text, client_id text, resource_key text)
  CROSS JOIN LATERAL (
    SELECT c.metadata, c.secret_digest, c.previous_secret_digest, c.previous_secret_until, c.kind, c.created_at, c.verified_at,
      c.quarantined_at, c.quarantine_ends_at, c.identity_changed_at, t.settings,
      client_standing(c.verified_at, c.quarantined_at, c.quarantine_ends_at, c.identity_changed_at, t.settings),
      v.id, s.id, s.resource, s.catalogue_revision, a.id, a.version, a.status_list, a.status_index, a.last_token_at
      FROM clients c
      JOIN tenants t ON t.id = c.tenant_id
      JOIN service_accounts v ON v.tenant_id = c.tenant_id AND v.id = c.service_account_id AND v.disabled_at IS NULL
      JOIN servers s ON s.tenant_id = c.tenant_id AND s.resource_key = r.resource_key
      JOIN tool_assignments a ON a.tenant_id = v.tenant_id AND a.service_account_id = v.id AND a.server_id = s.id
     WHERE c.tenant_id = r.tenant_id AND c.id = r.client_id AND c.blocked_at IS NULL
     LIMIT 1
  ) f;
END $$;

-- Records the tokens of those requests whose facts still stand, and returns their numbers. Nothing is locked: a token carries the status index
-- that its assignment has, and whatever changes what it may say turns that invalid, so one that was made a moment before ends with the rest.
CREATE FUNCTION settle_machine_tokens(p_requests json) RETURNS SETOF integer LANGUAGE plpgsql
  SET plan_cache_mode = force_generic_plan SET join_collapse_limit = 1
  SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH ready AS MATERIALIZED (
    SELECT r.*, f.* FROM json_to_recordset(p_requests) AS r (
      n integer, tenant_id text, at timestamptz, client_id text, assignment_id text, version integer, list integer, index integer,
      revision integer, standing text, event_id text, actor_type text, actor_id text, address text, request_id text, trace_id text, detail jsonb)
    CROSS JOIN LATERAL (
      SELECT a.service_account_id, a.server_id
        FROM tool_assignments a
        JOIN service_accounts v ON v.tenant_id = a.tenant_id AND v.id = a.service_account_id AND v.disabled_at IS NULL
        JOIN servers s ON s.tenant_id = a.tenant_id AND s.id = a.server_id
        JOIN clients c ON c.tenant_id = a.tenant_id AND c.id = r.client_id AND c.service_account_id = v.id AND c.blocked_at IS NULL
        JOIN tenants t ON t.id = a.tenant_id
       WHERE a.tenant_id = r.tenant_id AND a.id = r.assignment_id AND a.version = r.version
         AND a.status_list = r.list AND a.status_index = r.index AND s.catalogue_revision = r.revision
         AND client_standing(c.verified_at, c.quarantined_at, c.quarantine_ends_at, c.identity_changed_at, t.settings) = r.standing
       LIMIT 1
    ) f
  ), told AS (
    INSERT INTO audit_events (tenant_id, id, at, type, assurance, actor_type, actor_id, user_id, client_id, server_id, outcome,
      address, request_id, trace_id, detail)
    SELECT tenant_id, event_id, at, 'token.issued', 'enforced', actor_type, actor_id, service_account_id, client_id, server_id, 'success',
      address, request_id, trace_id, detail
      FROM ready
  )
  SELECT n FROM ready;
END $$;
