-- AlterTable
ALTER TABLE "tools" ADD COLUMN     "open_world_override" BOOLEAN,
ADD COLUMN     "risk_override" TEXT;
