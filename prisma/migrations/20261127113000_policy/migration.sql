-- AlterTable
ALTER TABLE "consent_versions" ADD COLUMN     "own" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "signed_in_at" TIMESTAMPTZ(3);

-- AlterTable
ALTER TABLE "tenants" ADD COLUMN     "policy_revision" INTEGER NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "users" ADD COLUMN     "groups_revision" INTEGER NOT NULL DEFAULT 0;

-- CreateTable
CREATE TABLE "groups" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "groups_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "group_members" (
    "tenant_id" TEXT NOT NULL,
    "group_id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "added_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "group_members_pkey" PRIMARY KEY ("tenant_id","group_id","user_id")
);

-- CreateTable
CREATE TABLE "policies" (
    "tenant_id" TEXT NOT NULL,
    "revision" INTEGER NOT NULL,
    "rules" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "policies_pkey" PRIMARY KEY ("tenant_id","revision")
);

-- CreateTable
CREATE TABLE "policy_sweeps" (
    "tenant_id" TEXT NOT NULL,
    "from_revision" INTEGER NOT NULL,
    "after_id" TEXT NOT NULL DEFAULT '',
    "begun_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "policy_sweeps_pkey" PRIMARY KEY ("tenant_id")
);

-- CreateIndex
CREATE UNIQUE INDEX "groups_tenant_id_name_key" ON "groups"("tenant_id", "name");

-- CreateIndex
CREATE INDEX "group_members_tenant_id_user_id_idx" ON "group_members"("tenant_id", "user_id");

-- AddForeignKey
ALTER TABLE "group_members" ADD CONSTRAINT "group_members_tenant_id_group_id_fkey" FOREIGN KEY ("tenant_id", "group_id") REFERENCES "groups"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "group_members" ADD CONSTRAINT "group_members_tenant_id_user_id_fkey" FOREIGN KEY ("tenant_id", "user_id") REFERENCES "users"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Whoever changes who is in a group raises the revision of those people, in the same transaction, whichever version of the software does it.
CREATE FUNCTION raise_groups_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- In the order of their ids: two that change the same people never dead-lock.
  PERFORM 1 FROM users u WHERE (u.tenant_id, u.id) IN (SELECT tenant_id, user_id FROM changed) ORDER BY u.tenant_id, u.id FOR NO KEY UPDATE;
  UPDATE users u SET groups_revision = u.groups_revision + 1
   WHERE (u.tenant_id, u.id) IN (SELECT tenant_id, user_id FROM changed);
  RETURN NULL;
END $$;

CREATE TRIGGER members_added AFTER INSERT ON group_members REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION raise_groups_revision();
CREATE TRIGGER members_gone AFTER DELETE ON group_members REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION raise_groups_revision();

-- What a token's terms follow beside the consent and the catalogue: the standing of the client, and as the last two words the revisions of
-- the policy and of the person's groups.
CREATE FUNCTION token_standing(
  verified_at timestamptz, quarantined_at timestamptz, quarantine_ends_at timestamptz, identity_changed_at timestamptz, settings jsonb,
  policy_revision integer, groups_revision integer
) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT client_standing(verified_at, quarantined_at, quarantine_ends_at, identity_changed_at, settings)
    || ' ' || policy_revision || ' ' || groups_revision
$$;

-- What token requests are about, read and written for several at once: most of what a statement, its transaction and the flush of its commit
-- cost is the same for one as for eight. Every request still stands for itself.
--
-- Functions, because of the settings that their plans are made under. A join of nine tables takes some 30 ms to plan when all orders are tried,
-- and each connection plans it six times before it keeps the plan, and once more whenever statistics of a table were gathered: the order of
-- the joins is the one that stands here. And tables are small when the first plans are made, and large before they are made anew: all rows are
-- found by their keys, of each request by itself.

-- One row for each request that presents a code or refresh token that is known and unused, and leads to nothing that has ended.
CREATE FUNCTION token_request_facts(p_requests json) RETURNS TABLE (
  n integer, payload jsonb, expires_at timestamptz, grant_id text, grant_digest text, grant_payload jsonb, grant_expires_at timestamptz,
  installation_id text, requested_scopes text[], status_list integer, status_index integer, drawn_list integer, free_index integer,
  consent_id text, user_id text, client_id text, server_id text, version integer, consent_expires_at timestamptz,
  metadata jsonb, secret_digest text, previous_secret_digest text, previous_secret_until timestamptz, kind text, client_created_at timestamptz,
  verified_at timestamptz, quarantined_at timestamptz, quarantine_ends_at timestamptz, identity_changed_at timestamptz, settings jsonb,
  standing text, catalogue_revision integer
) LANGUAGE plpgsql STABLE ROWS 8
  SET plan_cache_mode = force_generic_plan SET join_collapse_limit = 1
  SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT r.n, f.* FROM json_to_recordset(p_requests) AS r (n integer, tenant_id text, model text, digest text, indices integer[])
  CROSS JOIN LATERAL (
    SELECT a.payload, a.expires_at, a.grant_id, g.digest, g.payload, g.expires_at,
      i.id, i.requested_scopes, i.status_list, i.status_index,
      -- Where there is no index yet: the first of those drawn that nobody has.
      COALESCE(t.drawn_list, t.status_lists - 1),
      CASE WHEN i.status_index IS NULL THEN (
        SELECT drawn FROM unnest(r.indices) AS drawn WHERE (
          SELECT true FROM status_entries e
           WHERE e.tenant_id = t.id AND e.list = COALESCE(t.drawn_list, t.status_lists - 1) AND e.index = drawn
        ) IS NULL LIMIT 1
      ) END,
      k.id, k.user_id, k.client_id, k.server_id, v.version, v.expires_at,
      c.metadata, c.secret_digest, c.previous_secret_digest, c.previous_secret_until, c.kind, c.created_at,
      c.verified_at, c.quarantined_at, c.quarantine_ends_at, c.identity_changed_at,
      t.settings,
      token_standing(c.verified_at, c.quarantined_at, c.quarantine_ends_at, c.identity_changed_at, t.settings, t.policy_revision, u.groups_revision),
      s.catalogue_revision
      FROM artifacts a
      JOIN tenants t ON t.id = a.tenant_id
      JOIN artifacts g ON g.tenant_id = a.tenant_id AND g.model = 'Grant'
       AND g.digest = rtrim(translate(encode(sha256(convert_to(a.grant_id, 'UTF8')), 'base64'), '+/', '-_'), '=')
      JOIN installations i ON i.tenant_id = a.tenant_id AND i.grant_id = a.grant_id AND i.ended_at IS NULL
      JOIN consents k ON k.tenant_id = i.tenant_id AND k.id = i.consent_id AND k.ended_at IS NULL
      JOIN LATERAL (
        SELECT v.version, v.expires_at FROM consent_versions v
         WHERE v.tenant_id = k.tenant_id AND v.consent_id = k.id ORDER BY v.version DESC LIMIT 1
      ) v ON true
      JOIN users u ON u.tenant_id = k.tenant_id AND u.id = k.user_id AND u.disabled_at IS NULL
      JOIN clients c ON c.tenant_id = k.tenant_id AND c.id = k.client_id AND c.blocked_at IS NULL
      JOIN servers s ON s.tenant_id = k.tenant_id AND s.id = k.server_id
     WHERE a.tenant_id = r.tenant_id AND a.model = r.model AND a.digest = r.digest AND a.consumed_at IS NULL
     LIMIT 1
  ) f;
END $$;

-- The same as `settle_token_request`, which instances of the versions before go on calling. Returns the numbers of the requests that were
-- settled; of the others nothing is written. The caller names no artifact and no installation twice.
--
-- Nobody is waited for: what somebody else has locked counts as not settled, so that requests that have nothing to do with each other
-- never wait for one another, and no circle of waiting can close. Consents are locked where an index is taken (a change sweeps the indices
-- there are, under the same lock), by a statement of its own, so that the next one sees all that was committed before they were.
CREATE FUNCTION settle_token_requests(p_requests json) RETURNS SETOF integer LANGUAGE plpgsql
  SET plan_cache_mode = force_generic_plan SET join_collapse_limit = 1
  SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
  v_locked integer[];
BEGIN
  SELECT array_agg(l.n) INTO v_locked FROM (
    SELECT r.n FROM json_to_recordset(p_requests) AS r (n integer, tenant_id text, consent_id text, takes_index boolean)
      JOIN consents k ON k.tenant_id = r.tenant_id AND k.id = r.consent_id
     WHERE r.takes_index FOR SHARE OF k SKIP LOCKED
  ) l;

  RETURN QUERY
  WITH held AS MATERIALIZED (
    SELECT r.*, f.* FROM json_to_recordset(p_requests) AS r (
      n integer, tenant_id text, at timestamptz, model text, digest text,
      successor_digest text, successor_payload jsonb, successor_expires_at timestamptz, account_id text,
      list integer, index integer, takes_index boolean, version integer, revision integer, standing text,
      event_id text, actor_type text, actor_id text, address text, request_id text, trace_id text, detail jsonb)
    CROSS JOIN LATERAL (
      SELECT a.grant_id, i.id AS installation_id, k.id AS consent_id, k.user_id, k.client_id, k.server_id
        FROM artifacts a
        JOIN installations i ON i.tenant_id = a.tenant_id AND i.grant_id = a.grant_id AND i.ended_at IS NULL
        JOIN consents k ON k.tenant_id = i.tenant_id AND k.id = i.consent_id AND k.ended_at IS NULL
        JOIN users u ON u.tenant_id = k.tenant_id AND u.id = k.user_id AND u.disabled_at IS NULL
        JOIN clients c ON c.tenant_id = k.tenant_id AND c.id = k.client_id AND c.blocked_at IS NULL
        JOIN servers s ON s.tenant_id = k.tenant_id AND s.id = k.server_id
        JOIN tenants t ON t.id = a.tenant_id
       WHERE a.tenant_id = r.tenant_id AND a.model = r.model AND a.digest = r.digest AND a.consumed_at IS NULL
         AND CASE WHEN r.takes_index THEN i.status_index IS NULL ELSE i.status_list = r.list AND i.status_index = r.index END
         AND NOT EXISTS (
           SELECT 1 FROM consent_versions v WHERE v.tenant_id = k.tenant_id AND v.consent_id = k.id AND v.version > r.version)
         AND s.catalogue_revision = r.revision
         AND token_standing(c.verified_at, c.quarantined_at, c.quarantine_ends_at, c.identity_changed_at, t.settings,
               t.policy_revision, u.groups_revision) = r.standing
         FOR NO KEY UPDATE OF a, i SKIP LOCKED
    ) f
    WHERE NOT r.takes_index OR r.n = ANY (v_locked)
  ), indexed AS (
    INSERT INTO status_entries (tenant_id, list, index, installation_id, assigned_at)
    SELECT tenant_id, list, index, installation_id, at FROM held WHERE takes_index
    ON CONFLICT DO NOTHING RETURNING tenant_id, installation_id
  ), ready AS MATERIALIZED (
    SELECT h.* FROM held h WHERE NOT h.takes_index
    UNION ALL
    SELECT h.* FROM held h JOIN indexed x ON x.tenant_id = h.tenant_id AND x.installation_id = h.installation_id
  ), spent AS (
    UPDATE artifacts a SET consumed_at = h.at FROM ready h WHERE a.tenant_id = h.tenant_id AND a.model = h.model AND a.digest = h.digest
  ), used AS (
    UPDATE installations i SET last_token_at = h.at, status_list = h.list, status_index = h.index
      FROM ready h WHERE i.tenant_id = h.tenant_id AND i.id = h.installation_id
  ), kept AS (
    INSERT INTO artifacts (tenant_id, model, digest, payload, grant_id, account_id, expires_at, created_at)
    SELECT tenant_id, 'RefreshToken', successor_digest, successor_payload, grant_id, account_id, successor_expires_at, at
      FROM ready WHERE successor_digest IS NOT NULL
  ), told AS (
    INSERT INTO audit_events (tenant_id, id, at, type, assurance, actor_type, actor_id, user_id, client_id, server_id, consent_id,
      consent_version, installation_id, outcome, address, request_id, trace_id, detail)
    SELECT tenant_id, event_id, at, 'token.issued', 'enforced', actor_type, actor_id, user_id, client_id, server_id, consent_id,
      version, installation_id, 'success', address, request_id, trace_id, detail
      FROM ready
  )
  SELECT n FROM ready;
END $$;
