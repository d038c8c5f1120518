-- AlterTable
ALTER TABLE "tools" ADD COLUMN     "accepted_at" TIMESTAMPTZ(3),
ADD COLUMN     "doubted_at" TIMESTAMPTZ(3),
ADD COLUMN     "riskier_than" TEXT[] DEFAULT ARRAY[]::TEXT[];

-- CreateTable
CREATE TABLE "tool_versions" (
    "tenant_id" TEXT NOT NULL,
    "server_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "digest" TEXT NOT NULL,
    "title" TEXT,
    "description" TEXT,
    "annotations" JSONB NOT NULL,
    "input_schema" JSONB NOT NULL,
    "output_schema" JSONB,
    "first_seen_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "tool_versions_pkey" PRIMARY KEY ("tenant_id","server_id","name","digest")
);

-- AddForeignKey
ALTER TABLE "tool_versions" ADD CONSTRAINT "tool_versions_tenant_id_server_id_fkey" FOREIGN KEY ("tenant_id", "server_id") REFERENCES "servers"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- The definitions that are known; of those before them nothing was kept.
INSERT INTO tool_versions (tenant_id, server_id, name, digest, title, description, annotations, input_schema, output_schema, first_seen_at)
SELECT tenant_id, server_id, name, digest, title, description, annotations, input_schema, output_schema, first_seen_at FROM tools;
