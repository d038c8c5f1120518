-- AlterTable
ALTER TABLE "clients" ADD COLUMN     "removed_at" TIMESTAMPTZ(3);

-- Those that are being removed, in that order; seldom any.
CREATE INDEX clients_being_removed ON clients (removed_at) WHERE removed_at IS NOT NULL;
