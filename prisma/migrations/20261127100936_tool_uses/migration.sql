-- CreateTable
CREATE TABLE "tool_uses" (
    "tenant_id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "day" DATE NOT NULL,
    "consent_id" TEXT NOT NULL,
    "tool" TEXT NOT NULL,
    "assurance" TEXT NOT NULL,
    "calls" INTEGER NOT NULL DEFAULT 0,
    "failures" INTEGER NOT NULL DEFAULT 0,
    "refusals" INTEGER NOT NULL DEFAULT 0,
    "last_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "tool_uses_pkey" PRIMARY KEY ("tenant_id","user_id","day","consent_id","tool","assurance")
);

-- CreateIndex
CREATE INDEX "tool_uses_tenant_id_consent_id_tool_day_idx" ON "tool_uses"("tenant_id", "consent_id", "tool", "day");

-- CreateIndex
CREATE INDEX "tool_uses_day_idx" ON "tool_uses"("day");

-- Counters of today are written again and again; with room beside them on the page, no index is touched.
ALTER TABLE "tool_uses" SET (fillfactor = 60);
