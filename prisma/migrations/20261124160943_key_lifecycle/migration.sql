-- AlterTable
ALTER TABLE "signing_keys" ADD COLUMN     "changes_at" TIMESTAMPTZ(3),
ADD COLUMN     "retired_at" TIMESTAMPTZ(3),
ADD COLUMN     "signs_from" TIMESTAMPTZ(3),
ADD COLUMN     "signs_until" TIMESTAMPTZ(3),
ALTER COLUMN "sealed_private_jwk" DROP NOT NULL;

-- CreateIndex
CREATE INDEX "signing_keys_changes_at_idx" ON "signing_keys"("changes_at");

-- Keys that sign already have done so since they were made.
UPDATE "signing_keys" SET "signs_from" = "created_at" WHERE "state" = 'current';
