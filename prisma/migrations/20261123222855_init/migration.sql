-- CreateTable
CREATE TABLE "tenants" (
    "id" TEXT NOT NULL,
    "slug" TEXT NOT NULL,
    "issuer" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "status_lists" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "tenants_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "users" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "name" TEXT,
    "password_hash" TEXT,
    "password_changed_at" TIMESTAMPTZ(3),
    "is_admin" BOOLEAN NOT NULL DEFAULT false,
    "demo" BOOLEAN NOT NULL DEFAULT false,
    "disabled_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "users_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "user_identities" (
    "tenant_id" TEXT NOT NULL,
    "issuer" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "user_identities_pkey" PRIMARY KEY ("tenant_id","issuer","subject")
);

-- CreateTable
CREATE TABLE "one_time_links" (
    "tenant_id" TEXT NOT NULL,
    "digest" TEXT NOT NULL,
    "purpose" TEXT NOT NULL,
    "user_id" TEXT,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "consumed_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "one_time_links_pkey" PRIMARY KEY ("tenant_id","digest")
);

-- CreateTable
CREATE TABLE "servers" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "resource" TEXT NOT NULL,
    "resource_key" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "upstream" TEXT,
    "sealed_headers" TEXT,
    "credential_digest" TEXT NOT NULL,
    "library_name" TEXT,
    "library_version" TEXT,
    "library_seen_at" TIMESTAMPTZ(3),
    "catalogue_synced_at" TIMESTAMPTZ(3),
    "demo" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "servers_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "tools" (
    "tenant_id" TEXT NOT NULL,
    "server_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "position" INTEGER NOT NULL,
    "title" TEXT,
    "description" TEXT,
    "annotations" JSONB NOT NULL,
    "input_schema" JSONB NOT NULL,
    "output_schema" JSONB,
    "digest" TEXT NOT NULL,
    "risk" TEXT NOT NULL,
    "open_world" BOOLEAN NOT NULL,
    "first_seen_at" TIMESTAMPTZ(3) NOT NULL,
    "removed_at" TIMESTAMPTZ(3),

    CONSTRAINT "tools_pkey" PRIMARY KEY ("tenant_id","server_id","name")
);

-- CreateTable
CREATE TABLE "clients" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "metadata" JSONB NOT NULL,
    "secret_digest" TEXT,
    "demo" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "first_authorized_at" TIMESTAMPTZ(3),
    "blocked_at" TIMESTAMPTZ(3),

    CONSTRAINT "clients_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "artifacts" (
    "tenant_id" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "digest" TEXT NOT NULL,
    "payload" JSONB NOT NULL,
    "sealed_id" TEXT,
    "grant_id" TEXT,
    "account_id" TEXT,
    "uid" TEXT,
    "user_code_digest" TEXT,
    "consumed_at" TIMESTAMPTZ(3),
    "expires_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "artifacts_pkey" PRIMARY KEY ("tenant_id","model","digest")
);

-- CreateTable
CREATE TABLE "consents" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "server_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "ended_at" TIMESTAMPTZ(3),
    "end_reason" TEXT,

    CONSTRAINT "consents_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "consent_versions" (
    "tenant_id" TEXT NOT NULL,
    "consent_id" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "tools" JSONB NOT NULL,
    "resources" BOOLEAN NOT NULL,
    "prompts" BOOLEAN NOT NULL,
    "salt" TEXT NOT NULL,
    "origin" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3),
    "decided_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "consent_versions_pkey" PRIMARY KEY ("tenant_id","consent_id","version")
);

-- CreateTable
CREATE TABLE "installations" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "consent_id" TEXT NOT NULL,
    "grant_id" TEXT NOT NULL,
    "requested_scopes" TEXT[],
    "status_list" INTEGER,
    "status_index" INTEGER,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "last_token_at" TIMESTAMPTZ(3),
    "ended_at" TIMESTAMPTZ(3),
    "end_reason" TEXT,

    CONSTRAINT "installations_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "status_entries" (
    "tenant_id" TEXT NOT NULL,
    "list" INTEGER NOT NULL,
    "index" INTEGER NOT NULL,
    "installation_id" TEXT NOT NULL,
    "assigned_at" TIMESTAMPTZ(3) NOT NULL,
    "invalid_at" TIMESTAMPTZ(3),

    CONSTRAINT "status_entries_pkey" PRIMARY KEY ("tenant_id","list","index")
);

-- CreateTable
CREATE TABLE "selections" (
    "tenant_id" TEXT NOT NULL,
    "sha256" TEXT NOT NULL,
    "document" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "selections_pkey" PRIMARY KEY ("tenant_id","sha256")
);

-- CreateTable
CREATE TABLE "signing_keys" (
    "tenant_id" TEXT NOT NULL,
    "kid" TEXT NOT NULL,
    "algorithm" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "public_jwk" JSONB NOT NULL,
    "sealed_private_jwk" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "signing_keys_pkey" PRIMARY KEY ("tenant_id","kid")
);

-- CreateTable
CREATE TABLE "audit_events" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "type" TEXT NOT NULL,
    "assurance" TEXT NOT NULL,
    "actor_type" TEXT NOT NULL,
    "actor_id" TEXT,
    "user_id" TEXT,
    "client_id" TEXT,
    "server_id" TEXT,
    "consent_id" TEXT,
    "consent_version" INTEGER,
    "installation_id" TEXT,
    "outcome" TEXT NOT NULL,
    "address" TEXT,
    "request_id" TEXT,
    "detail" JSONB NOT NULL,

    CONSTRAINT "audit_events_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "rate_limits" (
    "key" VARCHAR(255) NOT NULL,
    "points" INTEGER NOT NULL DEFAULT 0,
    "expire" BIGINT,

    CONSTRAINT "rate_limits_pkey" PRIMARY KEY ("key")
);

-- CreateIndex
CREATE UNIQUE INDEX "tenants_slug_key" ON "tenants"("slug");

-- CreateIndex
CREATE UNIQUE INDEX "tenants_issuer_key" ON "tenants"("issuer");

-- CreateIndex
CREATE UNIQUE INDEX "users_tenant_id_email_key" ON "users"("tenant_id", "email");

-- CreateIndex
CREATE INDEX "user_identities_tenant_id_user_id_idx" ON "user_identities"("tenant_id", "user_id");

-- CreateIndex
CREATE INDEX "one_time_links_tenant_id_user_id_idx" ON "one_time_links"("tenant_id", "user_id");

-- CreateIndex
CREATE INDEX "one_time_links_expires_at_idx" ON "one_time_links"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "servers_tenant_id_resource_key_key" ON "servers"("tenant_id", "resource_key");

-- CreateIndex
CREATE INDEX "artifacts_tenant_id_grant_id_idx" ON "artifacts"("tenant_id", "grant_id");

-- CreateIndex
CREATE INDEX "artifacts_tenant_id_model_uid_idx" ON "artifacts"("tenant_id", "model", "uid");

-- CreateIndex
CREATE INDEX "artifacts_tenant_id_model_user_code_digest_idx" ON "artifacts"("tenant_id", "model", "user_code_digest");

-- CreateIndex
CREATE INDEX "artifacts_tenant_id_model_account_id_idx" ON "artifacts"("tenant_id", "model", "account_id");

-- CreateIndex
CREATE INDEX "artifacts_expires_at_idx" ON "artifacts"("expires_at");

-- CreateIndex
CREATE INDEX "consents_tenant_id_client_id_idx" ON "consents"("tenant_id", "client_id");

-- CreateIndex
CREATE INDEX "consents_tenant_id_server_id_idx" ON "consents"("tenant_id", "server_id");

-- CreateIndex
CREATE UNIQUE INDEX "consents_tenant_id_user_id_client_id_server_id_key" ON "consents"("tenant_id", "user_id", "client_id", "server_id");

-- CreateIndex
CREATE INDEX "installations_tenant_id_consent_id_idx" ON "installations"("tenant_id", "consent_id");

-- CreateIndex
CREATE UNIQUE INDEX "installations_tenant_id_grant_id_key" ON "installations"("tenant_id", "grant_id");

-- CreateIndex
CREATE INDEX "status_entries_tenant_id_installation_id_idx" ON "status_entries"("tenant_id", "installation_id");

-- CreateIndex
CREATE INDEX "status_entries_tenant_id_list_invalid_at_idx" ON "status_entries"("tenant_id", "list", "invalid_at");

-- CreateIndex
CREATE INDEX "selections_expires_at_idx" ON "selections"("expires_at");

-- CreateIndex
CREATE INDEX "audit_events_tenant_id_at_idx" ON "audit_events"("tenant_id", "at");

-- AddForeignKey
ALTER TABLE "user_identities" ADD CONSTRAINT "user_identities_tenant_id_user_id_fkey" FOREIGN KEY ("tenant_id", "user_id") REFERENCES "users"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "one_time_links" ADD CONSTRAINT "one_time_links_tenant_id_user_id_fkey" FOREIGN KEY ("tenant_id", "user_id") REFERENCES "users"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "tools" ADD CONSTRAINT "tools_tenant_id_server_id_fkey" FOREIGN KEY ("tenant_id", "server_id") REFERENCES "servers"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "consents" ADD CONSTRAINT "consents_tenant_id_user_id_fkey" FOREIGN KEY ("tenant_id", "user_id") REFERENCES "users"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "consents" ADD CONSTRAINT "consents_tenant_id_client_id_fkey" FOREIGN KEY ("tenant_id", "client_id") REFERENCES "clients"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "consents" ADD CONSTRAINT "consents_tenant_id_server_id_fkey" FOREIGN KEY ("tenant_id", "server_id") REFERENCES "servers"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "consent_versions" ADD CONSTRAINT "consent_versions_tenant_id_consent_id_fkey" FOREIGN KEY ("tenant_id", "consent_id") REFERENCES "consents"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "installations" ADD CONSTRAINT "installations_tenant_id_consent_id_fkey" FOREIGN KEY ("tenant_id", "consent_id") REFERENCES "consents"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;
