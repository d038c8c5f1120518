-- CreateTable
CREATE TABLE "consent_sweeps" (
    "tenant_id" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "after_id" TEXT NOT NULL DEFAULT '',
    "begun_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "consent_sweeps_pkey" PRIMARY KEY ("tenant_id","client_id")
);
