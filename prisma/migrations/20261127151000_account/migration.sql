-- AlterTable
ALTER TABLE "consent_versions" ADD COLUMN     "paused_version" INTEGER;

-- AlterTable
ALTER TABLE "installations" ADD COLUMN     "address" TEXT,
ADD COLUMN     "browser" TEXT;
