-- AlterTable
ALTER TABLE "clients" ADD COLUMN     "service_account_id" TEXT;

-- CreateTable
CREATE TABLE "service_accounts" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "disabled_at" TIMESTAMPTZ(3),

    CONSTRAINT "service_accounts_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "tool_assignments" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "service_account_id" TEXT NOT NULL,
    "server_id" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "tools" JSONB NOT NULL,
    "resources" BOOLEAN NOT NULL,
    "prompts" BOOLEAN NOT NULL,
    "salt" TEXT NOT NULL,
    "assigned_at" TIMESTAMPTZ(3) NOT NULL,
    "status_list" INTEGER,
    "status_index" INTEGER,
    "last_token_at" TIMESTAMPTZ(3),

    CONSTRAINT "tool_assignments_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "api_keys" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "user_id" TEXT,
    "service_account_id" TEXT,
    "server_id" TEXT NOT NULL,
    "tools" JSONB NOT NULL,
    "resources" BOOLEAN NOT NULL,
    "prompts" BOOLEAN NOT NULL,
    "salt" TEXT NOT NULL,
    "digest" TEXT NOT NULL,
    "previous_digest" TEXT,
    "previous_until" TIMESTAMPTZ(3),
    "lifetime_seconds" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "rotated_at" TIMESTAMPTZ(3),
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "last_used_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),
    "revoke_reason" TEXT,
    "status_list" INTEGER,
    "status_index" INTEGER,

    CONSTRAINT "api_keys_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateIndex
CREATE INDEX "service_accounts_tenant_id_created_at_id_idx" ON "service_accounts"("tenant_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "tool_assignments_tenant_id_server_id_idx" ON "tool_assignments"("tenant_id", "server_id");

-- CreateIndex
CREATE UNIQUE INDEX "tool_assignments_tenant_id_service_account_id_server_id_key" ON "tool_assignments"("tenant_id", "service_account_id", "server_id");

-- CreateIndex
CREATE INDEX "api_keys_tenant_id_user_id_idx" ON "api_keys"("tenant_id", "user_id");

-- CreateIndex
CREATE INDEX "api_keys_tenant_id_service_account_id_idx" ON "api_keys"("tenant_id", "service_account_id");

-- CreateIndex
CREATE INDEX "api_keys_tenant_id_server_id_idx" ON "api_keys"("tenant_id", "server_id");

-- CreateIndex
CREATE INDEX "api_keys_expires_at_idx" ON "api_keys"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "api_keys_tenant_id_digest_key" ON "api_keys"("tenant_id", "digest");

-- CreateIndex
CREATE UNIQUE INDEX "api_keys_tenant_id_previous_digest_key" ON "api_keys"("tenant_id", "previous_digest");

-- Of the machine clients alone: every other registration would pay for it.
CREATE UNIQUE INDEX clients_of_service_account ON clients (tenant_id, service_account_id) WHERE service_account_id IS NOT NULL;

-- A key acts as somebody, and as one.
ALTER TABLE api_keys ADD CONSTRAINT api_keys_one_owner CHECK (num_nonnulls(user_id, service_account_id) = 1);

-- AddForeignKey
ALTER TABLE "clients" ADD CONSTRAINT "clients_tenant_id_service_account_id_fkey" FOREIGN KEY ("tenant_id", "service_account_id") REFERENCES "service_accounts"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "tool_assignments" ADD CONSTRAINT "tool_assignments_tenant_id_service_account_id_fkey" FOREIGN KEY ("tenant_id", "service_account_id") REFERENCES "service_accounts"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "tool_assignments" ADD CONSTRAINT "tool_assignments_tenant_id_server_id_fkey" FOREIGN KEY ("tenant_id", "server_id") REFERENCES "servers"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_tenant_id_user_id_fkey" FOREIGN KEY ("tenant_id", "user_id") REFERENCES "users"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_tenant_id_service_account_id_fkey" FOREIGN KEY ("tenant_id", "service_account_id") REFERENCES "service_accounts"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_tenant_id_server_id_fkey" FOREIGN KEY ("tenant_id", "server_id") REFERENCES "servers"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;
