-- CreateTable
CREATE TABLE "remote_documents" (
    "tenant_id" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "url" TEXT NOT NULL,
    "body" TEXT,
    "etag" TEXT,
    "last_modified" TEXT,
    "fetched_at" TIMESTAMPTZ(3),
    "fresh_until" TIMESTAMPTZ(3),
    "tries" INTEGER NOT NULL DEFAULT 0,
    "problem" JSONB,
    "retry_at" TIMESTAMPTZ(3),
    "gone_since" TIMESTAMPTZ(3),
    "lease" TEXT,
    "lease_until" TIMESTAMPTZ(3),
    "relied_on" BOOLEAN NOT NULL DEFAULT false,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "remote_documents_pkey" PRIMARY KEY ("tenant_id","kind","url")
);

-- CreateIndex
CREATE INDEX "remote_documents_tenant_id_relied_on_expires_at_idx" ON "remote_documents"("tenant_id", "relied_on", "expires_at");

-- CreateIndex
CREATE INDEX "remote_documents_expires_at_idx" ON "remote_documents"("expires_at");
