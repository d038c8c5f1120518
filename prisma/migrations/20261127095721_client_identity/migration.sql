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
