ALTER TABLE "subscription" ADD COLUMN "payment_method" TEXT;
