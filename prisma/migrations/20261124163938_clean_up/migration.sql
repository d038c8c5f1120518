-- AlterTable
ALTER TABLE "tenants" ADD COLUMN     "drawn_list" INTEGER;

-- CreateIndex
CREATE INDEX "clients_tenant_id_created_at_id_idx" ON "clients"("tenant_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "clients_kind_first_authorized_at_created_at_idx" ON "clients"("kind", "first_authorized_at", "created_at");

-- CreateIndex
CREATE INDEX "consents_tenant_id_created_at_id_idx" ON "consents"("tenant_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "rate_limits_expire_idx" ON "rate_limits"("expire");

-- CreateIndex
CREATE INDEX "servers_tenant_id_created_at_id_idx" ON "servers"("tenant_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "status_entries_invalid_at_idx" ON "status_entries"("invalid_at");

-- The audit trail by months of `at` (UTC). What is in no month's partition goes into the default one: no event is ever refused.
DROP INDEX "audit_events_tenant_id_at_idx";
ALTER TABLE "audit_events" DROP CONSTRAINT "audit_events_pkey";
ALTER TABLE "audit_events" RENAME TO "audit_events_before_months";
CREATE TABLE "audit_events" (
    LIKE "audit_events_before_months" INCLUDING DEFAULTS,
    CONSTRAINT "audit_events_pkey" PRIMARY KEY ("tenant_id","id","at")
) PARTITION BY RANGE ("at");
CREATE INDEX "audit_events_tenant_id_at_id_idx" ON "audit_events"("tenant_id", "at", "id");
CREATE TABLE "audit_events_default" PARTITION OF "audit_events" DEFAULT;

-- How long audit events are kept. `migrate` puts the setting in its place; the runtime role cannot.
CREATE FUNCTION audit_retention() RETURNS interval LANGUAGE sql IMMUTABLE AS $$ SELECT interval '2557 days' $$;

-- Makes the partition of the month that `instant` is in; events of it that had to go into the default one move over.
CREATE FUNCTION make_audit_partition(instant timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  first timestamptz := date_trunc('month', instant, 'UTC');
  next timestamptz := date_trunc('month', first + interval '40 days', 'UTC');
  name text := 'audit_events_' || to_char(first AT TIME ZONE 'UTC', 'YYYY_MM');
BEGIN
  IF to_regclass(name) IS NOT NULL THEN
    RETURN 0;
  END IF;
  EXECUTE format('CREATE TABLE %I (LIKE audit_events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
  IF EXISTS (SELECT FROM audit_events_default WHERE at >= first AND at < next) THEN
    LOCK TABLE audit_events_default IN ACCESS EXCLUSIVE MODE;
    EXECUTE format(
      'WITH moved AS (DELETE FROM audit_events_default WHERE at >= %1$L AND at < %2$L RETURNING *) INSERT INTO %3$I SELECT * FROM moved',
      first, next, name);
  END IF;
  EXECUTE format('ALTER TABLE audit_events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, first, next);
  RETURN 1;
END $$;

-- Makes the partitions of the months to come, and drops those past the retention. All that the runtime role may do with partitions.
CREATE FUNCTION keep_audit_partitions(OUT made integer, OUT dropped integer) LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '500ms' AS $$
DECLARE
  partition record;
BEGIN
  made := 0;
  dropped := 0;
  IF NOT pg_try_advisory_xact_lock(72707370) THEN
    RETURN;
  END IF;
  FOR months IN -1..3 LOOP
    made := made + make_audit_partition(date_trunc('month', now(), 'UTC') + make_interval(months => months) + interval '14 days');
  END LOOP;
  FOR partition IN
    SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'audit_events'::regclass AND relname ~ '^audit_events_\d{4}_\d{2}$'
      AND (to_date(right(relname, 7), 'YYYY_MM') + interval '1 month') AT TIME ZONE 'UTC' <= now() - audit_retention()
  LOOP
    EXECUTE format('DROP TABLE %I', partition.relname);
    dropped := dropped + 1;
  END LOOP;
END $$;

-- Nobody but the owner calls them, until `migrate` lets the runtime role call the last; names are looked up in this schema alone.
DO $$
DECLARE
  function text;
BEGIN
  FOREACH function IN ARRAY ARRAY['audit_retention()', 'make_audit_partition(timestamptz)', 'keep_audit_partitions()'] LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function);
    EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', function, current_schema());
  END LOOP;
END $$;

SELECT make_audit_partition(month) FROM (
  SELECT DISTINCT date_trunc('month', at, 'UTC') AS month FROM audit_events_before_months
) AS months;
SELECT keep_audit_partitions();
INSERT INTO audit_events SELECT * FROM audit_events_before_months;
DROP TABLE audit_events_before_months;
