-- AlterTable
ALTER TABLE "clients" ADD COLUMN     "identity_changed_at" TIMESTAMPTZ(3);

-- The same as the function of four parameters, and when the client became what it is: a quarantine runs from then. Always one word more
-- than the other, so that the two never say the same.
CREATE FUNCTION client_standing(
  verified_at timestamptz, quarantined_at timestamptz, quarantine_ends_at timestamptz, identity_changed_at timestamptz, settings jsonb
) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT concat_ws(' ', COALESCE(extract(epoch FROM verified_at)::text, '-'), COALESCE(extract(epoch FROM quarantined_at)::text, '-'),
    COALESCE(extract(epoch FROM quarantine_ends_at)::text, '-'), COALESCE(extract(epoch FROM identity_changed_at)::text, '-'),
    COALESCE(settings ->> 'quarantine', '-'))
$$;

-- Takes either standing: instances of the version before, which go on calling it, tell the shorter one.
CREATE OR REPLACE FUNCTION settle_token_request(
  p_tenant text, p_at timestamptz,
  p_model text, p_digest text,
  p_successor_digest text, p_successor_payload jsonb, p_successor_expires_at timestamptz, p_grant text, p_account text,
  p_installation text, p_list integer, p_index integer, p_takes_index boolean,
  p_consent text, p_version integer, p_user text, p_client text, p_server text, p_revision integer,
  p_event text, p_actor_type text, p_actor text, p_address text, p_request text, p_detail jsonb,
  p_standing text, p_trace text
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  UPDATE artifacts SET consumed_at = p_at
   WHERE tenant_id = p_tenant AND model = p_model AND digest = p_digest AND consumed_at IS NULL;
  IF NOT FOUND THEN RETURN false; END IF;

  IF p_takes_index THEN
    PERFORM 1 FROM consents WHERE tenant_id = p_tenant AND id = p_consent FOR SHARE;
    INSERT INTO status_entries (tenant_id, list, index, installation_id, assigned_at)
    VALUES (p_tenant, p_list, p_index, p_installation, p_at) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN RAISE EXCEPTION 'the index is in use' USING ERRCODE = 'TG001'; END IF;
  END IF;

  UPDATE installations i SET last_token_at = p_at, status_list = p_list, status_index = p_index
    FROM consents k, users u, clients c, servers s, tenants t
   WHERE i.tenant_id = p_tenant AND i.id = p_installation AND i.consent_id = p_consent AND i.ended_at IS NULL
     AND CASE WHEN p_takes_index THEN i.status_index IS NULL ELSE i.status_list = p_list AND i.status_index = p_index END
     AND k.tenant_id = p_tenant AND k.id = p_consent AND k.ended_at IS NULL
     AND NOT EXISTS (
       SELECT 1 FROM consent_versions v WHERE v.tenant_id = p_tenant AND v.consent_id = p_consent AND v.version > p_version)
     AND u.tenant_id = p_tenant AND u.id = p_user AND u.disabled_at IS NULL
     AND c.tenant_id = p_tenant AND c.id = p_client AND c.blocked_at IS NULL
     AND t.id = p_tenant
     AND (client_standing(c.verified_at, c.quarantined_at, c.quarantine_ends_at, c.identity_changed_at, t.settings) = p_standing
       OR client_standing(c.verified_at, c.quarantined_at, c.quarantine_ends_at, t.settings) = p_standing)
     AND s.tenant_id = p_tenant AND s.id = p_server AND s.catalogue_revision = p_revision;
  IF NOT FOUND THEN RAISE EXCEPTION 'what the token was to say has changed' USING ERRCODE = 'TG001'; END IF;

  IF p_successor_digest IS NOT NULL THEN
    INSERT INTO artifacts (tenant_id, model, digest, payload, grant_id, account_id, expires_at, created_at)
    VALUES (p_tenant, 'RefreshToken', p_successor_digest, p_successor_payload, p_grant, p_account, p_successor_expires_at, p_at);
  END IF;

  INSERT INTO audit_events (tenant_id, id, at, type, assurance, actor_type, actor_id, user_id, client_id, server_id, consent_id,
    consent_version, installation_id, outcome, address, request_id, trace_id, detail)
  VALUES (p_tenant, p_event, p_at, 'token.issued', 'enforced', p_actor_type, p_actor, p_user, p_client, p_server, p_consent,
    p_version, p_installation, 'success', p_address, p_request, p_trace, p_detail);
  RETURN true;
END $$;
