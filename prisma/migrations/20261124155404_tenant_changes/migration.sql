-- AlterTable
ALTER TABLE "tenants" ADD COLUMN     "changed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT clock_timestamp();

-- CreateIndex
CREATE INDEX "tenants_changed_at_idx" ON "tenants"("changed_at");
