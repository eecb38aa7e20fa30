-- Who is at work on what, so that several steps at Stripe about one thing do not interleave. Machine time.
CREATE TABLE "lease" (
    "name" TEXT NOT NULL,
    "token" TEXT NOT NULL,
    "until" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "lease_pkey" PRIMARY KEY ("name")
);

-- Sweeps ask for what is due, and that is a small part of what there is.
CREATE INDEX stripe_object_due ON stripe_object (next_attempt_at) WHERE wanted > done;
CREATE INDEX purchase_going_on ON purchase (created_at) WHERE state IN ('open', 'checkout');
