-- AlterTable
ALTER TABLE "clients" ADD COLUMN     "previous_secret_digest" TEXT,
ADD COLUMN     "previous_secret_until" TIMESTAMPTZ(3),
ADD COLUMN     "reap_after" TIMESTAMPTZ(3) NOT NULL DEFAULT (now() + '1 day'::interval);

-- CreateTable
CREATE TABLE "initial_access_tokens" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "digest" TEXT NOT NULL,
    "max_uses" INTEGER NOT NULL,
    "uses" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "last_used_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "initial_access_tokens_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateIndex
CREATE INDEX "initial_access_tokens_expires_at_idx" ON "initial_access_tokens"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "initial_access_tokens_tenant_id_digest_key" ON "initial_access_tokens"("tenant_id", "digest");

-- CreateIndex
CREATE INDEX "clients_kind_reap_after_idx" ON "clients"("kind", "reap_after");
