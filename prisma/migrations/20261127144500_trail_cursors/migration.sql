-- CreateTable
CREATE TABLE "trail_cursors" (
    "sink" TEXT NOT NULL,
    "tenant_id" TEXT NOT NULL,
    "seal" INTEGER NOT NULL DEFAULT 0,
    "lease" TEXT,
    "lease_until" TIMESTAMPTZ(3),
    "tried_at" TIMESTAMPTZ(3),

    CONSTRAINT "trail_cursors_pkey" PRIMARY KEY ("sink","tenant_id")
);
