-- What is ours to choose where Stripe leaves it open; docs/policies.md has the table.
ALTER TABLE "setting"
  ADD COLUMN "default_ladder" JSONB NOT NULL DEFAULT '[{"after_hours":0,"access":"full"},{"after_hours":72,"access":"warn"},{"after_hours":168,"access":"read_only"},{"after_hours":336,"access":"deny"},{"after_hours":720,"access":"cancel"}]',
  ADD COLUMN "pause_policy" TEXT NOT NULL DEFAULT 'deny',
  ADD COLUMN "refund_policy" TEXT NOT NULL DEFAULT 'keep',
  ADD COLUMN "dispute_policy" TEXT NOT NULL DEFAULT 'keep',
  ADD COLUMN "duplicate_policy" TEXT NOT NULL DEFAULT 'report',
  ADD COLUMN "open_invoice_policy" TEXT NOT NULL DEFAULT 'keep';

-- Until when what was given back in full had paid, and whether a bank has taken a payment back for now.
ALTER TABLE "subscription"
  ADD COLUMN "refunded_until" TIMESTAMPTZ(3),
  ADD COLUMN "disputed" BOOLEAN NOT NULL DEFAULT false;

-- Charges of subscriptions of which money went back, or may. Others are not kept.
CREATE TABLE "charge" (
    "id" TEXT NOT NULL,
    "stripe_subscription_id" TEXT NOT NULL,
    "paid_until" TIMESTAMPTZ(3) NOT NULL,
    "refunded" BOOLEAN NOT NULL,
    "disputed" BOOLEAN NOT NULL,

    CONSTRAINT "charge_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "charge_stripe_subscription_id_idx" ON "charge"("stripe_subscription_id");

-- Three of the policies go into every customer's facts: a change of one is a change of all of them.
CREATE FUNCTION announce_all_customers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('tollgate_facts', '{"kind":"customer","ids":null}');
  RETURN NULL;
END $$;
CREATE TRIGGER announce_policies AFTER UPDATE ON setting FOR EACH ROW
  WHEN ((OLD.pause_policy, OLD.refund_policy, OLD.dispute_policy)
    IS DISTINCT FROM (NEW.pause_policy, NEW.refund_policy, NEW.dispute_policy))
  EXECUTE FUNCTION announce_all_customers();
