-- AlterTable
ALTER TABLE "servers" ADD COLUMN     "removed_at" TIMESTAMPTZ(3);

-- DropIndex
DROP INDEX "consents_tenant_id_client_id_idx";

-- DropIndex
DROP INDEX "consents_tenant_id_server_id_idx";

-- CreateIndex
CREATE INDEX "consents_tenant_id_client_id_id_idx" ON "consents"("tenant_id", "client_id", "id");

-- CreateIndex
CREATE INDEX "consents_tenant_id_server_id_id_idx" ON "consents"("tenant_id", "server_id", "id");

-- Those that are being removed, in that order; seldom any.
CREATE INDEX servers_being_removed ON servers (removed_at) WHERE removed_at IS NOT NULL;
