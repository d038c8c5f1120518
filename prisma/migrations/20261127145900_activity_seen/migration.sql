-- AlterTable
ALTER TABLE "users" ADD COLUMN     "activity_seen_at" TIMESTAMPTZ(3),
ADD COLUMN     "activity_seen_before" TIMESTAMPTZ(3);
