-- CreateTable
CREATE TABLE "audit_seals" (
    "tenant_id" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    "until_tx" BIGINT NOT NULL,
    "until_at" TIMESTAMPTZ(3) NOT NULL,
    "until_id" TEXT NOT NULL,
    "jws" TEXT NOT NULL,
    "digests" BYTEA NOT NULL,

    CONSTRAINT "audit_seals_pkey" PRIMARY KEY ("tenant_id","number")
);

-- CreateTable
CREATE TABLE "audit_keys" (
    "tenant_id" TEXT NOT NULL,
    "kid" TEXT NOT NULL,
    "public_jwk" JSONB NOT NULL,
    "vouches_for" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "audit_keys_pkey" PRIMARY KEY ("tenant_id","kid")
);

-- CreateIndex
CREATE INDEX "audit_seals_until_tx_idx" ON "audit_seals"("until_tx");

-- Digests do not compress.
ALTER TABLE "audit_seals" ALTER COLUMN "digests" SET STORAGE EXTERNAL;

-- How long the audit events of a tenant are kept, where it is not as long as those of all; `migrate` writes it. The runtime role reads it.
CREATE TABLE "audit_retentions" (
    "tenant_id" TEXT NOT NULL,
    "seconds" BIGINT NOT NULL,

    CONSTRAINT "audit_retentions_pkey" PRIMARY KEY ("tenant_id")
);

CREATE FUNCTION audit_retention_of(p_tenant text) RETURNS interval LANGUAGE sql STABLE AS $$
  SELECT COALESCE((SELECT make_interval(secs => seconds) FROM audit_retentions WHERE tenant_id = p_tenant), audit_retention())
$$;

-- The tenants that have events in a partition, by its primary key.
CREATE FUNCTION tenants_of_audit_partition(p_name text) RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN QUERY EXECUTE format(
    'WITH RECURSIVE found AS (
       (SELECT tenant_id FROM %1$I ORDER BY tenant_id LIMIT 1)
       UNION ALL
       SELECT (SELECT p.tenant_id FROM %1$I p WHERE p.tenant_id > found.tenant_id ORDER BY p.tenant_id LIMIT 1) FROM found WHERE found.tenant_id IS NOT NULL
     ) SELECT tenant_id FROM found WHERE tenant_id IS NOT NULL', p_name);
END $$;

-- Removes what is older than it is to be kept, a tenant's month at a time: the whole partition where that is so for all tenants in it,
-- else at most p_rows of its rows. Says which months of which tenants go, each once, so that whoever calls it records that in the
-- same transaction. All that the runtime role may do to make the trail shorter.
CREATE FUNCTION drop_audit_months(p_rows integer, OUT removed integer, OUT dropped jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '500ms' AS $$
DECLARE
  partition record;
  tenant text;
  month_end timestamptz;
  over text[];
  kept boolean;
  count integer;
BEGIN
  removed := 0;
  dropped := '[]';
  IF NOT pg_try_advisory_xact_lock(72707373) THEN
    RETURN;
  END IF;
  FOR partition IN
    SELECT relname AS name, replace(right(relname, 7), '_', '-') AS month FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'audit_events'::regclass AND relname ~ '^audit_events_\d{4}_\d{2}$' ORDER BY relname
  LOOP
    month_end := (to_date(partition.month, 'YYYY-MM') + interval '1 month') AT TIME ZONE 'UTC';
    -- No tenant's are that old yet.
    EXIT WHEN month_end > now() - LEAST(audit_retention(), (SELECT make_interval(secs => min(seconds)) FROM audit_retentions));
    over := '{}';
    kept := month_end > now() - audit_retention();
    FOR tenant IN SELECT tenants_of_audit_partition(partition.name) LOOP
      IF month_end <= now() - audit_retention_of(tenant) THEN
        over := over || tenant;
      ELSE
        kept := true;
      END IF;
    END LOOP;
    SELECT dropped || COALESCE(jsonb_agg(jsonb_build_object('tenantId', t, 'month', partition.month,
        'keptSeconds', extract(epoch FROM audit_retention_of(t))::bigint)), '[]') INTO dropped
      FROM unnest(over) t WHERE NOT EXISTS (
        SELECT FROM audit_events e WHERE e.tenant_id = t AND e.type = 'audit.month-dropped' AND e.detail ->> 'month' = partition.month);
    IF NOT kept THEN
      EXECUTE format('DROP TABLE %I', partition.name);
      removed := removed + 1;
    ELSIF over <> '{}' THEN
      EXECUTE format('DELETE FROM %1$I WHERE ctid = ANY (ARRAY(SELECT ctid FROM %1$I WHERE tenant_id = ANY ($1) LIMIT $2))', partition.name)
        USING over, p_rows;
      GET DIAGNOSTICS count = ROW_COUNT;
      removed := removed + count;
    END IF;
    -- One step at a time: whoever calls goes on while there is something.
    EXIT WHEN removed > 0;
  END LOOP;
END $$;

-- What it did beside it is done by the function above, which says so in the trail.
CREATE OR REPLACE FUNCTION keep_audit_partitions(OUT made integer, OUT dropped integer) LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '500ms' AS $$
BEGIN
  made := 0;
  dropped := 0;
  IF NOT pg_try_advisory_xact_lock(72707370) THEN
    RETURN;
  END IF;
  FOR months IN -1..3 LOOP
    made := made + make_audit_partition(date_trunc('month', now(), 'UTC') + make_interval(months => months) + interval '14 days');
  END LOOP;
END $$;

DO $$
DECLARE
  function text;
BEGIN
  FOREACH function IN ARRAY ARRAY['audit_retention_of(text)', 'tenants_of_audit_partition(text)', 'drop_audit_months(integer)', 'keep_audit_partitions()'] LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function);
    EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', function, current_schema());
  END LOOP;
END $$;

-- What people look for. What few events have is indexed for those alone, so that tokens and tool calls, which fill the trail, write
-- into no more than they are found by.
CREATE INDEX "audit_events_user_idx" ON "audit_events"("tenant_id", "user_id", "at") WHERE "user_id" IS NOT NULL;
CREATE INDEX "audit_events_client_idx" ON "audit_events"("tenant_id", "client_id", "at") WHERE "client_id" IS NOT NULL;
CREATE INDEX "audit_events_server_idx" ON "audit_events"("tenant_id", "server_id", "at") WHERE "server_id" IS NOT NULL;
CREATE INDEX "audit_events_tool_idx" ON "audit_events"("tenant_id", "tool", "at") WHERE "tool" IS NOT NULL;
CREATE INDEX "audit_events_api_key_idx" ON "audit_events"("tenant_id", "api_key_id", "at") WHERE "api_key_id" IS NOT NULL;
CREATE INDEX "audit_events_type_idx" ON "audit_events"("tenant_id", "type", "at") WHERE "type" NOT IN ('token.issued', 'tool.begun', 'tool.called', 'tool.refused');
CREATE INDEX "audit_events_outcome_idx" ON "audit_events"("tenant_id", "outcome", "at") WHERE "outcome" <> 'success';
