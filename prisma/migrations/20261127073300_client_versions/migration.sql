-- AlterTable
ALTER TABLE "clients" ADD COLUMN     "document_fetched_at" TIMESTAMPTZ(3),
ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "consent_versions" ADD COLUMN     "client_version" INTEGER;

-- CreateTable
CREATE TABLE "client_versions" (
    "tenant_id" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "name" TEXT,
    "redirect_uris" TEXT[],
    "keys_digest" TEXT,
    "since" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "client_versions_pkey" PRIMARY KEY ("tenant_id","client_id","version")
);

-- AddForeignKey
ALTER TABLE "client_versions" ADD CONSTRAINT "client_versions_tenant_id_client_id_fkey" FOREIGN KEY ("tenant_id", "client_id") REFERENCES "clients"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;
