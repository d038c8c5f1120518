-- What an event is about, and what it can be followed by elsewhere.
ALTER TABLE "audit_events" ADD COLUMN     "tool" TEXT,
ADD COLUMN     "api_key_id" TEXT,
ADD COLUMN     "trace_id" TEXT;

-- The order in which events are sealed: by the transaction that recorded them. All below the oldest one that is under way have been
-- committed, or never will be, so that what has been read up to there is whole, and nothing comes into it late. The functions add how
-- far the numbers are behind those of a database that this one was restored from (see store/migrate/audit-order.ts).
CREATE FUNCTION audit_position() RETURNS bigint LANGUAGE sql VOLATILE AS $$SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text::pg_catalog.int8 + 0$$;
CREATE FUNCTION audit_horizon() RETURNS bigint LANGUAGE sql STABLE AS $$SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::pg_catalog.text::pg_catalog.int8 + 0$$;

-- Events that are there already come first of all.
ALTER TABLE "audit_events" ADD COLUMN     "tx" BIGINT NOT NULL DEFAULT 0;
ALTER TABLE "audit_events" ALTER COLUMN "tx" SET DEFAULT audit_position();
CREATE INDEX "audit_events_tx_idx" ON "audit_events"("tx");
