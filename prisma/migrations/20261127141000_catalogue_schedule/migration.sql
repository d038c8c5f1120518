-- AlterTable
ALTER TABLE "servers" ADD COLUMN     "catalogue_due_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
ADD COLUMN     "catalogue_failures" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "catalogue_problem" JSONB,
ADD COLUMN     "reported_at" TIMESTAMPTZ(3),
ADD COLUMN     "reported_digest" TEXT;

-- CreateIndex
CREATE INDEX "servers_catalogue_due_at_idx" ON "servers"("catalogue_due_at");
