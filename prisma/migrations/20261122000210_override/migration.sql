-- What an operator grants one customer besides the plan. A fact: the check decides from it.
CREATE TABLE "override" (
    "id" TEXT NOT NULL,
    "customer_id" TEXT NOT NULL,
    "feature" TEXT NOT NULL,
    "limit" BIGINT,
    "extra" BIGINT,
    "expires_at" TIMESTAMPTZ(3),
    "reason" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "override_pkey" PRIMARY KEY ("id"),
    CONSTRAINT override_one_kind CHECK (("limit" IS NULL) <> (extra IS NULL))
);
CREATE UNIQUE INDEX "override_customer_id_feature_key" ON "override"("customer_id", "feature");
ALTER TABLE "override" ADD CONSTRAINT "override_customer_id_fkey"
  FOREIGN KEY ("customer_id") REFERENCES "customer"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

CREATE TRIGGER announce_insert AFTER INSERT ON override REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION announce_facts('customer', 'customer_id');
CREATE TRIGGER announce_update AFTER UPDATE ON override REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION announce_facts('customer', 'customer_id');
CREATE TRIGGER announce_delete AFTER DELETE ON override REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION announce_facts('customer', 'customer_id');
